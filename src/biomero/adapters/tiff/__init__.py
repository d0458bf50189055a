"""TIFF and the formats that are TIFF inside: OME-TIFF, ImageJ, LSM, STK and slide scanners' files."""

from biomero.adapters.tiff.formats import formats
from biomero.adapters.tiff.source import TiffSource

__all__ = ["TiffSource", "formats"]
