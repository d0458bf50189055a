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


class LabelWriter(Protocol):
    """Adds label images to OME-Zarr images."""

    def add_label(
        self, store: Path, name: str, labels: OpenImage, *, progress: Progress | None = None
    ) -> None:
        """Write a label image, with its resolution levels, as ``labels/<name>`` of a store that has an image.

        The store's version of OME-NGFF is kept, and its list of labels grows by `name`; a label image that
        stands there under this name is replaced.

        Raises
        ------
        ImageReadError
            If `store` is no OME-Zarr image, or the labels' pixels are damaged; the store is as it was.
        ImageWriteError
            If it cannot be written: no space, no permission, pixels that are no whole numbers.
        """
        ...
