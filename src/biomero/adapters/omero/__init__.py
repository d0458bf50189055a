"""What speaks Ice with OMERO; needs the extra ``omero``."""

from biomero.adapters.omero.grid import IceGridProbe, grid_of_this_node
from biomero.adapters.omero.identity import IceIdentity
from biomero.adapters.omero.official_scripts import IceScripts
from biomero.adapters.omero.server import IceOmero

__all__ = ["IceGridProbe", "IceIdentity", "IceOmero", "IceScripts", "grid_of_this_node"]
