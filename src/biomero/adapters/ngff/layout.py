"""How an image is cut up: resolution levels, chunks, and the tiles that are written at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from biomero.domain.imaging import ImageMetadata

CHUNK = 1024
"""Side of a chunk in y and x: 2 MiB of 16-bit pixels, the unit that viewers fetch."""

TILE_BYTES = 64 * 2**20
"""How much of an image is held and written at once; also the largest shard, before compression."""

SMALLEST_SIDE = 256
"""A level whose shorter side is below this is the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One resolution level; all sizes lie along the axes of the image.

    Parameters
    ----------
    tile
        What is written at once. A whole number of chunks in y and x, and possibly beyond the edge.
    """

    axes: str
    shape: tuple[int, ...]
    tile: tuple[int, ...]

    @property
    def chunk(self) -> tuple[int, ...]:
        """Shape of a chunk: part of one plane, never larger than the level."""
        plane = tuple(min(CHUNK, size) for size in self.shape[-2:])
        return (*(1 for _ in self.shape[:-2]), *plane)

    @property
    def shard(self) -> tuple[int, ...]:
        """Shape of a shard: the tile, cut to the chunks that the level has."""
        return tuple(
            min(tile, math.ceil(size / chunk) * chunk)
            for tile, size, chunk in zip(self.tile, self.shape, self.chunk, strict=True)
        )

    def leading_tiles(self) -> Iterator[tuple[slice, ...]]:
        """Yield where tiles lie along the axes before y and x."""
        counts = [math.ceil(s / t) for s, t in zip(self.shape[:-2], self.tile[:-2], strict=True)]
        for index in np.ndindex(*counts):
            yield tuple(
                slice(i * tile, min((i + 1) * tile, size))
                for i, tile, size in zip(index, self.tile, self.shape, strict=False)
            )

    def cuts(self, axis: int, start: int = 0, stop: int | None = None) -> Iterator[slice]:
        """Yield where tiles lie along one axis, between two of its indices."""
        end = self.shape[axis] if stop is None else min(stop, self.shape[axis])
        for begin in range(start, end, self.tile[axis]):
            yield slice(begin, min(begin + self.tile[axis], end))


def plan_levels(
    metadata: ImageMetadata, block_shape: tuple[int, int], *, tile_bytes: int = TILE_BYTES
) -> tuple[Level, ...]:
    """Return the levels of an image, the one with most pixels first.

    Each level halves y and x; an odd last row or column is left out of the next level, so that the
    pixel size doubles exactly.

    Parameters
    ----------
    block_shape
        The piece (y, x) that is cheap to read from the source; tiles cover it where memory allows.
    tile_bytes
        How large a tile may become, though never smaller than one chunk.
    """
    sizes = dict(zip(metadata.axes, metadata.shape, strict=True))
    tile = _plan_tile(sizes, np.dtype(metadata.dtype).itemsize, block_shape, tile_bytes)
    levels: list[Level] = []
    while True:
        levels.append(
            Level(axes=metadata.axes, shape=tuple(sizes.values()), tile=tuple(tile[a] for a in sizes))
        )
        if min(sizes["y"], sizes["x"]) < SMALLEST_SIDE:
            return tuple(levels)
        sizes |= {"y": sizes["y"] // 2, "x": sizes["x"] // 2}
        if len(levels) == 1:
            # Tiles of level 1 cover the same area as those of level 0, and all further ones are as
            # large: a quarter of the memory for each level that waits for its last pixels.
            tile |= {"y": max(CHUNK, tile["y"] // 2), "x": max(CHUNK, tile["x"] // 2)}


def _plan_tile(
    sizes: Mapping[str, int], itemsize: int, block_shape: tuple[int, int], tile_bytes: int
) -> dict[str, int]:
    tile = {"t": 1, "c": 1, "z": 1, "y": CHUNK, "x": CHUNK}

    def grow(axis: str, goal: int) -> None:
        while tile[axis] < min(goal, sizes.get(axis, 1)):
            larger = tile | {axis: tile[axis] * 2}
            if itemsize * math.prod(min(larger[a], size) for a, size in sizes.items()) > tile_bytes:
                return
            tile[axis] *= 2

    # Two chunks a side make the tiles of the next level smaller; then what is cheap to read; then
    # few files: depth, the whole plane, time.
    grow("y", 2 * CHUNK)
    grow("x", 2 * CHUNK)
    grow("x", block_shape[1])
    grow("y", block_shape[0])
    for axis in "zxyt":
        grow(axis, sizes.get(axis, 1))
    return tile
