"""Writing images as OME-TIFF, which every tool for analysis reads."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from biomero.application.ports.image_source import OpenImage


class OmeTiffWriter(Protocol):
    """Writes OME-TIFF files."""

    def write(self, image: OpenImage, path: Path) -> None:
        """Write pixels and metadata, with bounded memory, losslessly and without resolution levels.

        The file at `path` is replaced. If an exception is raised, nothing complete stands there.

        Raises
        ------
        ImageReadError
            If the image's pixels are damaged.
        ImageWriteError
            If it cannot be written: no space, no permission, or a pixel type that OME-TIFF does not have.
        """
        ...
