"""Pixels on disk: one file an image, big-endian, rows of planes in the order XYZCT, as OMERO keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

BIT_SIZES = {
    "bit": 1,
    "int8": 8,
    "uint8": 8,
    "int16": 16,
    "uint16": 16,
    "int32": 32,
    "uint32": 32,
    "float": 32,
    "double": 64,
    "complex": 64,
    "double-complex": 128,
}
_DTYPES = {
    "bit": "u1",
    "int8": "i1",
    "uint8": "u1",
    "int16": ">i2",
    "uint16": ">u2",
    "int32": ">i4",
    "uint32": ">u4",
    "float": ">f4",
    "double": ">f8",
    "complex": ">c8",
    "double-complex": ">c16",
}
Shape = tuple[int, int, int, int, int]
Pixels = npt.NDArray[np.generic]


def dtype(pixels_type: str) -> np.dtype[np.generic]:
    """Return how OMERO stores and sends a type of pixels."""
    return np.dtype(_DTYPES[pixels_type])


def pixels_type(stored: np.dtype[np.generic]) -> str:
    """Return OMERO's name for a type."""
    wanted = stored.newbyteorder(">").str
    return next(
        name
        for name, text in _DTYPES.items()
        if name != "bit" and dtype(name).newbyteorder(">").str == wanted
    )


class PixelFiles:
    """The files, by the ids of pixels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def path(self, number: int) -> Path:
        """Return where the file of some pixels is."""
        return self.folder / str(number)

    def open(self, number: int, shape: Shape, kind: str) -> Pixels:
        """Return the pixels, axes (t, c, z, y, x); what was not written yet is zero."""
        path = self.path(number)
        wanted = int(np.prod(shape)) * dtype(kind).itemsize
        if not path.exists() or path.stat().st_size != wanted:
            with path.open("ab") as file:
                file.truncate(wanted)
        return np.memmap(path, dtype=dtype(kind), mode="r+", shape=shape)

    def was_written(self, number: int) -> bool:
        """Say whether anybody has written any pixel."""
        return self._mark(number).exists()

    def mark_written(self, number: int) -> None:
        """Note that somebody has written a pixel."""
        self._mark(number).touch()

    def _mark(self, number: int) -> Path:
        return self.folder / f"{number}.written"

    def remove(self, number: int) -> None:
        """Delete the file."""
        self.path(number).unlink(missing_ok=True)
        self._mark(number).unlink(missing_ok=True)
