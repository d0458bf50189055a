"""Pictures and the vendors' formats, each through the library that reads it best; extra ``readers``."""

from biomero.adapters.readers.czi import CziSource
from biomero.adapters.readers.dv import DvSource
from biomero.adapters.readers.formats import formats
from biomero.adapters.readers.ims import ImsSource
from biomero.adapters.readers.lif import LifSource
from biomero.adapters.readers.mrc import MrcSource
from biomero.adapters.readers.nd2 import Nd2Source
from biomero.adapters.readers.oif import OifSource
from biomero.adapters.readers.pictures import PictureSource

__all__ = [
    "CziSource",
    "DvSource",
    "ImsSource",
    "LifSource",
    "MrcSource",
    "Nd2Source",
    "OifSource",
    "PictureSource",
    "formats",
]
