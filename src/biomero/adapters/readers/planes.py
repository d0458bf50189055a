"""An open image over a library that hands out planes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.readers.seam import reading
from biomero.domain.imaging import ImageMetadata
from biomero.errors import ImageReadError


class ReadPiece(Protocol):
    """Reads a piece of a plane from the library; shape (y, x)."""

    def __call__(self, *, t: int, c: int, z: int, y: slice, x: slice) -> NDArray[Any]:
        """Return the piece; it need be neither contiguous nor in native byte order."""
        ...


class LibraryImage:
    """An image that a library reads; see `OpenImage`.

    Parameters
    ----------
    block_shape
        None where only whole planes are cheap.
    resources
        What is closed with the image.
    """

    def __init__(
        self,
        path: Path,
        metadata: ImageMetadata,
        read_piece: ReadPiece,
        *,
        block_shape: tuple[int, int] | None = None,
        resources: ExitStack | None = None,
    ) -> None:
        self._path = path
        self._metadata = metadata
        self._read_piece = read_piece
        self._block_shape = block_shape
        self._resources = resources or ExitStack()

    @property
    def metadata(self) -> ImageMetadata:
        """See `OpenImage.metadata`."""
        return self._metadata

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`."""
        height, width = self._metadata.shape[-2:]
        high, wide = self._block_shape or (height, width)
        return min(high, height), min(wide, width)

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """See `OpenImage.read`."""
        for axis, index in (("t", t), ("c", c), ("z", z)):
            if not 0 <= index < self._metadata.size(axis):
                raise IndexError(
                    f"{axis}={index} lies beyond the image, which has {self._metadata.size(axis)}"
                )
        height, width = self._metadata.shape[-2:]
        y, x = slice(*y.indices(height)[:2]), slice(*x.indices(width)[:2])
        where = f"plane t={t} c={c} z={z}"
        with reading(self._path, where):
            piece = self._read_piece(t=t, c=c, z=z, y=y, x=x)
        if piece.shape != (y.stop - y.start, x.stop - x.start):
            raise ImageReadError(
                f"{self._path}: {where} is damaged: {piece.shape} pixels came of {y} and {x}"
            )
        return np.ascontiguousarray(piece, np.dtype(self._metadata.dtype))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()


def by_planes(read_plane: Callable[[int, int, int], NDArray[Any]]) -> ReadPiece:
    """Make pieces from a function of (t, c, z) that reads whole planes; the last plane is kept."""
    kept: dict[tuple[int, int, int], NDArray[Any]] = {}

    def read_piece(*, t: int, c: int, z: int, y: slice, x: slice) -> NDArray[Any]:
        if (t, c, z) not in kept:
            kept.clear()
            kept[t, c, z] = read_plane(t, c, z)
        return kept[t, c, z][y, x]

    return read_piece
