"""How the pages of a series are stored: what reading them needs, taken down while the file is parsed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffPage

from biomero.adapters.tiff.layout import PageShape
from biomero.errors import UnsupportedImageError

Decoded = tuple[NDArray[Any] | None, tuple[int, ...], tuple[int, ...]]
"""A segment's pixels, its corner in the page's shape, and its own shape (depth, length, width, samples)."""

_JPEG = {6, 7, 34892, 33007}  # compressions whose tables may stand outside the segment
_COMPLEX_INTEGER = 5  # a value of SampleFormat; tifffile converts these
_COLOUR = {2, 6, 8}  # values of PhotometricInterpretation: RGB, YCbCr and CIELab
_ALPHA = {1, 2}  # values of ExtraSamples
_RGB = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFormat:
    """What the pages of a series have in common.

    Parameters
    ----------
    shape
        See `PageShape`.
    segment
        Shape (depth, length, width) of a tile or a strip.
    stored_dtype
        The pixel type with the byte order of the file.
    is_raw
        Rows lie in the file as they are, so any part of a strip can be read without the rest.
    colours
        How many samples of a pixel are meant; those after them are alpha.
    is_colour
        The samples are red, green and blue.
    decode
        tifffile's decoder; it touches no file.
    """

    shape: PageShape
    segment: tuple[int, int, int]
    is_tiled: bool
    stored_dtype: np.dtype[Any]
    is_raw: bool
    colours: int
    is_colour: bool
    nodata: float
    decode: Callable[..., Decoded]
    has_jpeg_tables: bool
    jpeg_header: bytes | None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The pixel type as we hand it out: native byte order, and single bits as 0 and 1 in bytes."""
        is_bits = self.stored_dtype == np.bool_
        return np.dtype(np.uint8) if is_bits else self.stored_dtype.newbyteorder("=")

    @property
    def row_bytes(self) -> int:
        """Bytes of one row as stored, where it is raw."""
        return self.shape[3] * self.shape[4] * self.stored_dtype.itemsize

    @property
    def grid(self) -> tuple[int, int, int]:
        """How many segments lie along depth, length and width."""
        depth, length, width = (math.ceil(n / s) for n, s in zip(self.shape[1:4], self.segment, strict=True))
        return depth, length, width

    @property
    def segments(self) -> int:
        """How many segments a page has."""
        return self.shape[0] * math.prod(self.grid)

    @property
    def raw_lengths(self) -> tuple[int, ...]:
        """How many bytes each strip needs, where it is raw."""
        height, length = self.segment[1], self.shape[2]
        one = [min(height, length - first) * self.row_bytes for first in range(0, length, height)]
        return tuple(one) * (self.shape[0] * self.shape[1])

    def segments_at(self, *, sample: int, depth: int, y: slice, x: slice) -> Iterator[int]:
        """Yield the indices of the segments that hold a piece of a page."""
        layers, down, across = self.grid
        layer = (sample * layers + depth // self.segment[0]) * down
        _, height, width = self.segment
        for row in range(y.start // height, math.ceil(y.stop / height)):
            for column in range(x.start // width, math.ceil(x.stop / width)):
                yield (layer + row) * across + column


def page_format(keyframe: TiffPage, path: Path) -> PageFormat:
    """Take down how pages are stored.

    Raises
    ------
    UnsupportedImageError
        If the pixels are compressed or typed in a way that nothing here reads.
    """
    try:
        keyframe.decode(None, 0)
    except (ValueError, NotImplementedError) as exc:
        raise UnsupportedImageError(f"{path}: {exc}") from exc
    dtype = keyframe.dtype
    if dtype is None:
        raise UnsupportedImageError(f"{path}: its pixel type is unknown")
    shape = keyframe.shaped
    height = min(keyframe.rowsperstrip or shape[2], shape[2])
    tile = (keyframe.tiledepth, keyframe.tilelength, keyframe.tilewidth)
    is_planar = shape[0] > 1
    is_colour = int(keyframe.photometric) in _COLOUR and (not is_planar or dtype == np.uint8)
    # tifffile writes four planes as "RGB and alpha" when it is not told better: only pictures have alpha
    alpha = sum(1 for extra in keyframe.extrasamples if extra in _ALPHA) if not is_planar else 0
    colours = max(1, keyframe.samplesperpixel - alpha)
    return PageFormat(
        shape=shape,
        segment=tile if keyframe.is_tiled else (1, height, shape[3]),
        is_tiled=keyframe.is_tiled,
        stored_dtype=dtype.newbyteorder(keyframe.parent.byteorder),
        is_raw=_is_raw(keyframe),
        colours=colours,
        is_colour=is_colour and colours == _RGB,
        nodata=keyframe.nodata,
        decode=keyframe.decode,
        has_jpeg_tables=int(keyframe.compression) in _JPEG,
        jpeg_header=keyframe.jpegheader,
    )


def _is_raw(keyframe: TiffPage) -> bool:
    return (
        keyframe.compression == 1
        and keyframe.predictor == 1
        and keyframe.fillorder == 1
        and not keyframe.is_tiled
        and not keyframe.is_subsampled
        and keyframe.sampleformat != _COMPLEX_INTEGER
        and keyframe.dtype is not None
        and keyframe.bitspersample == 8 * keyframe.dtype.itemsize
    )
