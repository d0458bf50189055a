"""Cutting an image into pieces that fit into memory, in the order in which a TIFF holds its pixels."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from zarr_image import RGB_SAMPLES, UnusableImageError, ZarrImage, decoding_threads

MEBIBYTE = 2**20

_TILE = 1024
_GOOD_TILES = range(256, 2049, 16)
_ENOUGH = 16 * MEBIBYTE  # larger pieces are not faster, and cost the kernel fresh pages


@dataclass(frozen=True, slots=True)
class Cut:
    """How an image is cut: into whole planes (`tile` is ``None``), or planes into rows of tiles.

    Parameters
    ----------
    planes
        How many planes are read at once.
    columns
        How many tiles beside one another are read at once.
    """

    as_rgb: bool
    tile: tuple[int, int] | None = None
    planes: int = 1
    columns: int = 1


def plan_cut(image: ZarrImage, *, memory: int, as_rgb: bool) -> Cut:
    """Return how an image is cut so that converting it takes no more than so many bytes.

    Raises
    ------
    UnusableImageError
        If one chunk of the image needs more; the message says how much would do.
    """
    samples = RGB_SAMPLES if as_rgb else 1
    chunk = math.prod(image.chunk) * image.dtype.itemsize
    # At the worst moment there are, of a piece: what is written, what is ready, what is being read, and
    # its compressed bytes; beside them, each thread holds one chunk compressed and one decoded.
    piece = (memory - 2 * decoding_threads() * chunk) // 4
    # Colours are read one after the other and then put side by side: a second copy.
    piece //= 2 if as_rgb else 1
    height, width = image.shape[-2:]
    plane = height * width * samples * image.dtype.itemsize
    if plane <= piece:
        return Cut(as_rgb, planes=max(1, min(piece, _ENOUGH) // plane))
    # Tiles as high as chunks, so that each chunk is decoded once; TIFF wants multiples of 16.
    side = image.chunk[-2] if image.chunk[-2] in _GOOD_TILES else _TILE
    one_tile = side * side * samples * image.dtype.itemsize
    if piece < one_tile:
        least = (4 * (2 if as_rgb else 1) * one_tile + 2 * decoding_threads() * chunk) // MEBIBYTE + 256
        raise UnusableImageError(
            f"its chunks of {chunk // MEBIBYTE} MiB need about {least} MiB of memory, which is more than "
            "--max-memory-mb allows"
        )
    return Cut(as_rgb, tile=(side, side), columns=max(1, min(piece, _ENOUGH) // one_tile))


@dataclass(slots=True)
class Checksums:
    """A running checksum of the bytes of each TIFF page, in their order in the file."""

    of_page: list[int] = field(default_factory=list)

    def add(self, page: int, stored: np.ndarray) -> None:
        """Take in the next bytes of a page."""
        if page == len(self.of_page):
            self.of_page.append(0)
        content = np.packbits(stored, axis=-1) if stored.dtype == bool else np.ascontiguousarray(stored)
        self.of_page[page] = zlib.crc32(content.reshape(-1).view(np.uint8), self.of_page[page])


def pieces(image: ZarrImage, cut: Cut, checksums: Checksums) -> Iterator[np.ndarray]:
    """Yield the planes of an image, or their tiles, while the next ones are being read."""
    with ThreadPoolExecutor(1) as reader:
        jobs = _tile_jobs(image, cut, checksums) if cut.tile else _plane_jobs(image, cut, checksums)
        following = None
        for job in jobs:
            ready, following = following, reader.submit(job)
            if ready is not None:
                yield from ready.result()
            del ready
        if following is not None:
            yield from following.result()


Job = Callable[[], list[np.ndarray]]


def _plane_jobs(image: ZarrImage, cut: Cut, checksums: Checksums) -> Iterator[Job]:
    page = 0
    for leading in _leading(image, cut):
        count = leading[-1].stop - leading[-1].start if leading else 1

        def read(leading: tuple[slice, ...] = leading, page: int = page) -> list[np.ndarray]:
            planes = _read(image, cut, leading, slice(None), slice(None))
            for index, plane in enumerate(planes):
                checksums.add(page + index, plane)
            return list(planes)

        yield read
        page += count


def _tile_jobs(image: ZarrImage, cut: Cut, checksums: Checksums) -> Iterator[Job]:
    height, width = image.shape[-2:]
    side = cut.tile[0]
    for page, leading in enumerate(_leading(image, cut)):
        for top in range(0, height, side):
            for left in range(0, width, cut.columns * side):
                rows = slice(top, min(top + side, height))
                columns = slice(left, min(left + cut.columns * side, width))

                def read(
                    leading: tuple[slice, ...] = leading,
                    page: int = page,
                    rows: slice = rows,
                    columns: slice = columns,
                ) -> list[np.ndarray]:
                    (strip,) = _read(image, cut, leading, rows, columns)
                    tiles = [_padded(strip[:, x : x + side], side) for x in range(0, strip.shape[1], side)]
                    for tile in tiles:
                        checksums.add(page, tile)
                    return tiles

                yield read


def _leading(image: ZarrImage, cut: Cut) -> Iterator[tuple[slice, ...]]:
    """Yield where pieces lie along the axes before y and x; colours of one picture are no axis."""
    sizes = [
        n for axis, n in zip(image.axes[:-2], image.shape, strict=False) if not (cut.as_rgb and axis == "c")
    ]
    if not sizes:
        yield ()
        return
    for index in np.ndindex(*sizes[:-1], math.ceil(sizes[-1] / cut.planes)):
        last = slice(index[-1] * cut.planes, min((index[-1] + 1) * cut.planes, sizes[-1]))
        yield (*(slice(i, i + 1) for i in index[:-1]), last)


def _read(image: ZarrImage, cut: Cut, leading: tuple[slice, ...], rows: slice, columns: slice) -> np.ndarray:
    """Return planes of shape (n, y, x), or (n, y, x, sample) for colour pictures."""
    if not cut.as_rgb:
        block = image.read(*leading, rows, columns)
        return block.reshape(-1, *block.shape[-2:])
    position = image.axes.index("c")
    block = image.read(*leading[:position], slice(None), *leading[position:], rows, columns)
    block = np.ascontiguousarray(np.moveaxis(block, position, -1))
    return block.reshape(-1, *block.shape[-3:])


def _padded(tile: np.ndarray, side: int) -> np.ndarray:
    if tile.shape[:2] == (side, side):
        return np.ascontiguousarray(tile)
    whole = np.zeros((side, side, *tile.shape[2:]), tile.dtype)
    whole[: tile.shape[0], : tile.shape[1]] = tile
    return whole
