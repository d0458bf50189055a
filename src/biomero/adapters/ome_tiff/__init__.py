"""OME-TIFF files."""
