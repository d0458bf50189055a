"""What speaks Ice with OMERO; needs the extra ``omero``."""

from biomero.adapters.omero.grid import IceGridProbe, grid_of_this_node

__all__ = ["IceGridProbe", "grid_of_this_node"]
