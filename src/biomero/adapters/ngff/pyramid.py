"""Writing all levels of an image in one pass over its pixels, with memory that does not grow with it.

A tile of a level is made from the two by two (or fewer) tiles below it, each of which is made the same way,
down to those that are read from the source. So of every level only one tile is held, and every tile is
written once and whole: a shard that is written in parts would be read and compressed again for each part.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore as ts
from numpy.typing import NDArray

from biomero.adapters.ngff.downsample import Halve
from biomero.adapters.ngff.layout import Level
from biomero.adapters.ngff.stores import TENSORSTORE_ERRORS, file_shape, write_errors
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.transfer import Progress
from biomero.errors import ImageReadError

Ranges = dict[int, tuple[float, float]]
"""Smallest and largest pixel of each channel."""


class Pyramid:
    """Copies an image into the arrays of its levels.

    Parameters
    ----------
    arrays
        tensorstore's arrays, one a level.
    dtype
        The pixel type that is stored.
    waiting_bytes
        How much may be on its way to the disk while the next tile is read.
    """

    def __init__(
        self,
        image: OpenImage,
        path: Path,
        *,
        levels: Sequence[Level],
        arrays: Sequence[ts.TensorStore],
        dtype: str,
        halve: Halve,
        waiting_bytes: int,
        progress: Progress | None,
    ) -> None:
        self._image = image
        self._path = path
        self._levels = levels
        self._arrays = arrays
        self._dtype = np.dtype(dtype)
        self._halve = halve
        self._waiting_bytes = waiting_bytes
        self._progress = progress
        self._pending: deque[tuple[ts.WriteFutures, int]] = deque()
        self._pending_bytes = 0
        self._ranges: Ranges = {}

    def write(self) -> Ranges:
        """Write all levels; on return they are on disk.

        Raises
        ------
        ImageReadError
            If the source fails. Nothing is being written any more then, nor after the next error.
        ImageWriteError
            If an array cannot be written.
        """
        top = len(self._levels) - 1
        try:
            for leading in self._levels[top].leading_tiles():
                for y in self._levels[top].cuts(-2):
                    for x in self._levels[top].cuts(-1):
                        self._build(top, leading, y, x)
            self._wait(until=0)
        finally:
            self._abandon()
        return self._ranges

    def _build(self, level: int, leading: tuple[slice, ...], y: slice, x: slice) -> NDArray[Any]:
        """Make and store one tile and all the tiles below it."""
        if level == 0:
            tile = self._read(leading, y, x)
        else:
            lengths = [s.stop - s.start for s in (*leading, y, x)]
            tile = np.empty(lengths, self._dtype)
            for below_y in self._below(level, -2, y):
                for below_x in self._below(level, -1, x):
                    half = self._halve(self._build(level - 1, leading, below_y, below_x))
                    top, left = below_y.start // 2 - y.start, below_x.start // 2 - x.start
                    tile[..., top : top + half.shape[-2], left : left + half.shape[-1]] = half
        self._store(level, (*leading, y, x), tile)
        return tile

    def _below(self, level: int, axis: int, part: slice) -> list[slice]:
        # The last tile also takes along an odd last row, which the level itself leaves out.
        is_last = part.stop == self._levels[level].shape[axis]
        stop = None if is_last else 2 * part.stop
        return list(self._levels[level - 1].cuts(axis, 2 * part.start, stop))

    def _read(self, leading: tuple[slice, ...], y: slice, x: slice) -> NDArray[Any]:
        axes = self._levels[0].axes[:-2]
        lengths = [s.stop - s.start for s in (*leading, y, x)]
        tile = np.empty(lengths, self._dtype)
        for index in np.ndindex(*lengths[:-2]):
            position = {a: s.start + i for a, s, i in zip(axes, leading, index, strict=True)}
            piece = self._image.read(y=y, x=x, **position)
            if piece.shape != tile.shape[-2:] or not np.can_cast(piece.dtype, self._dtype, "equiv"):
                piece = self._checked(piece, tile.shape[-2:])
            tile[index] = piece
            self._note_range(position.get("c", 0), tile[index])
            if self._progress is not None:
                self._progress(piece.nbytes)
        return tile

    def _checked(self, piece: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        name = self._image.metadata.name
        if piece.shape != shape:
            raise ImageReadError(f"{name}: a piece of shape {shape} came out as {piece.shape}")
        if piece.dtype.name != self._image.metadata.dtype:
            raise ImageReadError(
                f"{name}: pixels are {piece.dtype.name}, but the metadata says {self._image.metadata.dtype}"
            )
        return piece

    def _note_range(self, channel: int, pixels: NDArray[Any]) -> None:
        low, high = pixels.min().item(), pixels.max().item()
        if not (np.isfinite(low) and np.isfinite(high)):
            finite = pixels[np.isfinite(pixels)]
            if not finite.size:
                return
            low, high = finite.min().item(), finite.max().item()
        known = self._ranges.get(channel, (low, high))
        self._ranges[channel] = min(low, known[0]), max(high, known[1])

    def _store(self, level: int, region: tuple[slice, ...], tile: NDArray[Any]) -> None:
        # A write of several files fails with the first of them while others go on; a write for each file
        # lets `_abandon` know when the last one has ended.
        for part in _files(region, file_shape(self._arrays[level])):
            pairs = zip(part, region, strict=True)
            pixels = tile[tuple(slice(p.start - r.start, p.stop - r.start) for p, r in pairs)]
            with write_errors(self._path):
                # Tiles are never changed after this, so that no copy has to be made.
                future = self._arrays[level][part].write(pixels, can_reference_source_data_indefinitely=True)
            self._pending.append((future, pixels.nbytes))
            self._pending_bytes += pixels.nbytes
        self._wait(until=self._waiting_bytes)

    def _wait(self, *, until: int) -> None:
        """Wait until no more bytes than this are on their way to the disk."""
        while self._pending and self._pending_bytes > until:
            future, size = self._pending[0]
            with write_errors(self._path):
                future.result()
            self._pending.popleft()
            self._pending_bytes -= size

    def _abandon(self) -> None:
        """Let writes under way come to an end, so that the folder can be removed after an error."""
        while self._pending:
            future, _ = self._pending.popleft()
            try:
                future.result()
            except TENSORSTORE_ERRORS:
                continue  # the error that matters is already on its way up


def _files(region: tuple[slice, ...], shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Yield the parts of a region that lie in one file each; the region begins where a file does."""
    cuts = [
        [slice(i, min(i + length, along.stop)) for i in range(along.start, along.stop, length)]
        for along, length in zip(region, shape, strict=True)
    ]
    return itertools.product(*cuts)
