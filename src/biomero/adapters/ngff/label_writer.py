"""Label images beside their image, behind the port of those who deliver results."""

from __future__ import annotations

from pathlib import Path

from biomero.adapters.ngff.labels import add_label_image
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.transfer import Progress


class NgffLabelWriter:
    """Adds label images to OME-Zarr images; see `LabelWriter`."""

    def add_label(
        self, store: Path, name: str, labels: OpenImage, *, progress: Progress | None = None
    ) -> None:
        """See `LabelWriter.add_label`."""
        add_label_image(store, name, labels, progress=progress)
