"""Pixels into a store that takes no more than OMERO's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from biomero.adapters.omero.writer_pixels import pixels_type, write_pixels
from biomero.domain.imaging import ImageMetadata
from biomero.errors import ImageReadError, TransferCorruptError
from biomero.testing.images import ArrayImage, GeneratedImage


@dataclass
class Said:
    val: str


class Store:
    """Keeps pixels as `RawPixelsStore` does: whole rows, or tiles in a pyramid."""

    def __init__(self, array: NDArray[Any], *, tile: int | None = None, loses_a_bit: bool = False) -> None:
        self.array = array
        self.tile = tile
        self.largest = 0
        self.tiles = 0
        self.is_open = False
        self._loses_a_bit = loses_a_bit

    def createRawPixelsStore(self) -> Self:  # noqa: N802 - OMERO's name
        return self

    def setPixelsId(self, _number: int, _bypass: bool) -> None:  # noqa: N802, FBT001 - OMERO's
        self.is_open = True

    def requiresPixelsPyramid(self) -> bool:  # noqa: N802 - OMERO's name
        return self.tile is not None

    def getTileSize(self) -> list[int]:  # noqa: N802 - OMERO's name
        assert self.tile is not None
        return [self.tile, self.tile]

    def setTile(self, data: bytes, z: int, c: int, t: int, *box: int) -> None:  # noqa: N802 - OMERO's name
        x, y, width, height = box
        if self.tile is None:
            assert (x, width) == (0, self.array.shape[4])
        else:
            assert x % self.tile == y % self.tile == 0
            assert max(width, height) <= self.tile
        tile = np.frombuffer(data, self.array.dtype).reshape(height, width)
        self.array[t, c, z, y : y + height, x : x + width] = tile
        self.largest = max(self.largest, len(data))
        self.tiles += 1

    def save(self) -> Any:
        if self._loses_a_bit:
            self.array.flat[-1] += 1

        @dataclass
        class Pixels:
            sha1: Said

        return Pixels(Said(hashlib.sha1(self.array.tobytes(), usedforsecurity=False).hexdigest()))

    def close(self) -> None:
        self.is_open = False


@pytest.mark.parametrize("tile", [None, 16])
def test_pixels_arrive_as_big_endian_and_their_ranges_are_told(tile: int | None) -> None:
    pixels = np.random.default_rng(1).integers(-900, 900, (2, 3, 4, 37, 53), dtype=np.int16)
    store = Store(np.zeros(pixels.shape, ">i2"), tile=tile)
    told: list[tuple[int, int]] = []
    image = ArrayImage(pixels, block_shape=(10, 53))
    ranges = write_pixels(store, 1, image, lambda done, of: told.append((done, of)))
    assert np.array_equal(store.array, pixels)
    assert ranges == [(pixels[:, c].min(), pixels[:, c].max()) for c in range(3)]
    assert told[-1] == (2 * 3 * 4 * 37, 2 * 3 * 4 * 37)
    assert not store.is_open


@pytest.mark.parametrize(
    ("dtype", "name", "stored"),
    [
        ("bool", "uint8", "u1"),
        ("float16", "float", ">f4"),
        ("float64", "double", ">f8"),
        ("uint32", "uint32", ">u4"),
    ],
)
def test_types_that_omero_does_not_have_become_wider_ones(dtype: str, name: str, stored: str) -> None:
    pixels = (np.arange(12).reshape(3, 4) % 2).astype(dtype)
    image = ArrayImage(pixels)
    store = Store(np.zeros((1, 1, 1, 3, 4), stored))
    assert pixels_type(image.metadata) == name
    assert write_pixels(store, 1, image, None) == [(0, 1)]
    assert np.array_equal(store.array[0, 0, 0], pixels)


@pytest.mark.parametrize("dtype", ["int64", "uint64", "complex64", "float128"])
def test_other_types_are_refused(dtype: str) -> None:
    metadata = ImageMetadata(name="a.tif", axes="yx", shape=(4, 4), dtype=dtype)
    with pytest.raises(ImageReadError, match=f"OMERO has no pixels of type {dtype}; it has bool, int8"):
        pixels_type(metadata)


def test_what_is_no_number_does_not_count_for_ranges() -> None:
    pixels = np.array([[np.nan, 2], [np.inf, -1]], np.float32)
    assert write_pixels(Store(np.zeros((1, 1, 1, 2, 2), ">f4")), 1, ArrayImage(pixels), None) == [(-1, 2)]
    nothing = np.full((2, 2), np.nan, np.float32)
    assert write_pixels(Store(np.zeros((1, 1, 1, 2, 2), ">f4")), 1, ArrayImage(nothing), None) == [(0, 0)]


def test_what_was_not_stored_as_sent_is_noticed() -> None:
    store = Store(np.zeros((1, 1, 1, 4, 4), "u1"), loses_a_bit=True)
    with pytest.raises(TransferCorruptError, match="did not store the pixels of array"):
        write_pixels(store, 1, ArrayImage(np.ones((4, 4), np.uint8)), None)
    assert not store.is_open


def test_messages_and_bands_are_small_however_large_the_image_is() -> None:
    image = GeneratedImage("zyx", (2, 3000, 8192))
    store = Store(np.zeros((1, 1, 2, 3000, 8192), ">u2"))
    write_pixels(store, 1, image, None)
    assert store.largest <= 2 * 1024 * 1024
    assert store.tiles == 2 * -(-3000 // 128)
    assert np.array_equal(store.array[0, 0, 1, 100:200], image.read(z=1, y=slice(100, 200), x=slice(0, 8192)))


def test_a_damaged_image_leaves_no_store_open() -> None:
    store = Store(np.zeros((1, 1, 2, 4, 4), "u1"))
    with pytest.raises(ImageReadError):
        write_pixels(store, 1, ArrayImage(np.ones((2, 4, 4), np.uint8), damaged_plane=1), None)
    assert not store.is_open
