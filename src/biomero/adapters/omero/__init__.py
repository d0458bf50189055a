"""What speaks Ice with OMERO; needs the extra ``omero``."""

from biomero.adapters.omero.grid import IceGridProbe, grid_of_this_node
from biomero.adapters.omero.identity import OmeroSessions
from biomero.adapters.omero.official_scripts import IceScripts
from biomero.adapters.omero.server import IceOmero

__all__ = ["IceGridProbe", "IceOmero", "IceScripts", "OmeroSessions", "grid_of_this_node"]
