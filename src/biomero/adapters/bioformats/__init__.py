"""Bio-Formats, for the long tail of formats; it runs in a process of its own. Extra ``bioformats``."""

from biomero.adapters.bioformats.formats import formats
from biomero.adapters.bioformats.jar import fetch_jar, find_jar
from biomero.adapters.bioformats.source import BioFormatsSource

__all__ = ["BioFormatsSource", "fetch_jar", "find_jar", "formats"]
