"""Writing images as OME-Zarr, the format in between."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.transfer import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class PyramidSettings:
    """How an OME-Zarr is written."""

    version: Literal["0.4", "0.5"] = "0.5"
    is_label: bool = False


class PyramidWriter(Protocol):
    """Writes OME-Zarr images with resolution levels."""

    def write(
        self, image: OpenImage, path: Path, settings: PyramidSettings, *, progress: Progress | None = None
    ) -> None:
        """Write an image, with bounded memory, under a temporary name and rename it when it is whole.

        Raises
        ------
        ImageReadError
            If the source's pixels are damaged; nothing stands at `path` then.
        ImageWriteError
            If it cannot be written (no space, no permission); nothing stands at `path` then.
        """
        ...
