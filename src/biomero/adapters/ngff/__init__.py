"""OME-Zarr 0.4 and 0.5: writing, reading, and label images beside an image."""

from biomero.adapters.ngff.label_writer import NgffLabelWriter
from biomero.adapters.ngff.labels import add_label_image
from biomero.adapters.ngff.source import NgffSource
from biomero.adapters.ngff.store_contents import NgffStores
from biomero.adapters.ngff.writer import NgffWriter

__all__ = ["NgffLabelWriter", "NgffSource", "NgffStores", "NgffWriter", "add_label_image"]
