"""Pixels into OMERO's store: in the order in which it keeps them, and no more than some rows at a time."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.omero import Progress
from biomero.domain.imaging import ImageMetadata
from biomero.errors import ImageReadError, TransferCorruptError

_TYPES = {
    "bool": "uint8",
    "int8": "int8",
    "uint8": "uint8",
    "int16": "int16",
    "uint16": "uint16",
    "int32": "int32",
    "uint32": "uint32",
    "float16": "float",
    "float32": "float",
    "float64": "double",
}
_STORED = {"float": "float32", "double": "float64"}
_MESSAGE_BYTES = 2 * 1024 * 1024
"""What travels fastest; much more per message makes server and client wait for memory."""
_BAND_BYTES = 64 * 1024 * 1024
_SHA1_LETTERS = 40


def pixels_type(metadata: ImageMetadata) -> str:
    """Return OMERO's name of the type in which pixels are kept.

    Raises
    ------
    ImageReadError
        If OMERO has none, or there are no pixels.
    """
    if metadata.dtype not in _TYPES:
        raise ImageReadError(
            f"{metadata.name}: OMERO has no pixels of type {metadata.dtype}; it has {', '.join(_TYPES)}"
        )
    if 0 in metadata.shape:
        raise ImageReadError(f"{metadata.name} has no pixels: its size is {metadata.shape}")
    return _TYPES[metadata.dtype]


def write_pixels(
    factory: Any, pixels: int, image: OpenImage, progress: Progress | None
) -> list[tuple[float, float]]:
    """Write all pixels of an image, and return the lowest and highest value of each channel.

    What OMERO stored is compared with what was sent. Progress is told in rows of pixels. Memory is taken
    for a band of rows of 64 MB, or one row of the image's blocks if that is less.

    OMERO keeps very large planes as pyramids, which it wants in tiles of its own size.

    Raises
    ------
    ImageReadError
        If pixels cannot be read.
    TransferCorruptError
        If OMERO has other pixels than were sent.
    """
    metadata = image.metadata
    stored = np.dtype(_STORED.get(_TYPES[metadata.dtype], metadata.dtype)).newbyteorder(">")
    ranges = [_Range() for _ in range(metadata.size("c"))]
    sent = hashlib.sha1(usedforsecurity=False)
    store = factory.createRawPixelsStore()
    try:
        store.setPixelsId(pixels, True)  # noqa: FBT003 - omero-py's own
        is_pyramid = store.requiresPixelsPyramid()
        tile = tuple(store.getTileSize()) if is_pyramid else _strip(metadata, stored)
        rows_done = 0
        for (t, c, z), top, band in _bands(image, tile[1]):
            ranges[c].include(band)
            data = np.ascontiguousarray(band, dtype=stored)
            if not is_pyramid:
                sent.update(data.data)
            for y, x in itertools.product(range(0, band.shape[0], tile[1]), range(0, band.shape[1], tile[0])):
                piece = data[y : y + tile[1], x : x + tile[0]]
                store.setTile(piece.tobytes(), z, c, t, x, top + y, piece.shape[1], piece.shape[0])
            rows_done += band.shape[0]
            if progress is not None:
                progress(rows_done, metadata.planes * metadata.size("y"))
        # a pyramid is of other bytes than were sent, and is finished by closing it
        saved = None if is_pyramid else store.save()
    finally:
        store.close()
    if saved is not None and saved.sha1.val != sent.hexdigest():
        raise TransferCorruptError(f"OMERO did not store the pixels of {metadata.name} as they were sent")
    return [one.ends for one in ranges]


def _strip(metadata: ImageMetadata, stored: np.dtype[Any]) -> tuple[int, int]:
    width = metadata.size("x")
    return width, max(1, min(metadata.size("y"), _MESSAGE_BYTES // (width * stored.itemsize)))


def _bands(
    image: OpenImage, tile_rows: int
) -> Iterator[tuple[tuple[int, int, int], int, NDArray[np.generic]]]:
    """Read an image plane by plane, in bands of whole rows, whole tiles, and if possible whole blocks."""
    metadata = image.metadata
    height, width = metadata.size("y"), metadata.size("x")
    most = max(1, _BAND_BYTES // (width * np.dtype(metadata.dtype).itemsize))
    rows = min(image.block_shape[0], most)
    rows = -(-rows // tile_rows) * tile_rows
    for t, c, z in itertools.product(*(range(metadata.size(axis)) for axis in "tcz")):
        for top in range(0, height, rows):
            y = slice(top, min(top + rows, height))
            yield (t, c, z), top, image.read(t=t, c=c, z=z, y=y, x=slice(0, width))


@dataclass(slots=True)
class _Range:
    """The lowest and highest finite value so far."""

    low: float = np.inf
    high: float = -np.inf

    def include(self, values: NDArray[Any]) -> None:
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if finite.size:
            self.low = min(self.low, float(finite.min()))
            self.high = max(self.high, float(finite.max()))

    @property
    def ends(self) -> tuple[float, float]:
        return (self.low, self.high) if self.low <= self.high else (0.0, 0.0)
