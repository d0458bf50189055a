"""Stores of OME-Zarr that hold more than one image: plates, and images with label images inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from biomero.domain.plates import FieldPath


class StoreContents(Protocol):
    """Writes what makes a plate of images, and finds what is in a store."""

    def write(
        self, path: Path, *, name: str, fields: Sequence[FieldPath], version: Literal["0.4", "0.5"]
    ) -> None:
        """Write the metadata of a plate, its rows and wells, as a folder without the images themselves.

        Parameters
        ----------
        fields
            Where the images are or will be; at least one.

        Raises
        ------
        ImageWriteError
            If it cannot be written: no space, no permission.
        """
        ...

    def fields(self, path: Path) -> Sequence[FieldPath]:
        """Return where the images of a plate lie, in its own order; none if it is no plate that can be read.

        Images are counted so by `ImageSource.open`, too: the first is of index 0.
        """
        ...

    def labels(self, path: Path) -> Sequence[str]:
        """Return the names of the label images inside an image, as it lists them.

        They lie in its folder ``labels``, and can be opened there.
        """
        ...
