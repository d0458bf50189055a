"""An image small enough to be looked at, read piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage
from biomero.domain.imaging import ImageMetadata

LONGEST_EDGE = 2048
_PIECE = 2048
_PROJECTED_PIXELS = 512 << 20
"""Stacks of more pixels are shown by their middle plane: reading all of one would take minutes."""

_Reduce = Callable[[NDArray[Any], int, int], NDArray[Any]]


def reduction(metadata: ImageMetadata) -> int:
    """Return how many pixels of the image, along x and along y, one pixel of the picture stands for."""
    return math.ceil(max(metadata.shape[-2:]) / LONGEST_EDGE)


def reduced_channel(image: OpenImage, *, c: int, factor: int) -> NDArray[np.float32]:
    """Return a channel by means over squares of `factor` pixels, and the brightest of them along z."""
    return _projected(image, c=c, factor=factor, reduce=_mean).astype(np.float32, copy=False)


def reduced_labels(labels: OpenImage, *, factor: int) -> NDArray[Any]:
    """Return a label image by one pixel out of each square of `factor` pixels, the largest along z."""
    return _projected(labels, c=0, factor=factor, reduce=_nearest)


def _projected(image: OpenImage, *, c: int, factor: int, reduce: _Reduce) -> NDArray[Any]:
    depth = image.metadata.size("z")
    height, width = image.metadata.shape[-2:]
    if depth * height * width > _PROJECTED_PIXELS:
        return _plane(image, c=c, z=depth // 2, factor=factor, reduce=reduce)
    result = _plane(image, c=c, z=0, factor=factor, reduce=reduce)
    for z in range(1, depth):
        np.maximum(result, _plane(image, c=c, z=z, factor=factor, reduce=reduce), out=result)
    return result


def _plane(image: OpenImage, *, c: int, z: int, factor: int, reduce: _Reduce) -> NDArray[Any]:
    height, width = image.metadata.shape[-2:]
    # An image may be less wide, or less high, than one square.
    factor_y, factor_x = min(factor, height), min(factor, width)
    block_y, block_x = image.block_shape
    rows = []
    for y in _steps(height, block_y, factor_y):
        pieces = (image.read(c=c, z=z, y=y, x=x) for x in _steps(width, block_x, factor_x))
        rows.append(np.hstack([reduce(piece, factor_y, factor_x) for piece in pieces]))
    return np.vstack(rows)


def _steps(size: int, block: int, factor: int) -> Iterator[slice]:
    """Cut a size into pieces of whole squares, not smaller than a block; the last odd pixels are left out."""
    step = math.ceil(max(_PIECE, block) / factor) * factor
    whole = size // factor * factor
    for start in range(0, whole, step):
        yield slice(start, min(start + step, whole))


def _mean(piece: NDArray[Any], factor_y: int, factor_x: int) -> NDArray[Any]:
    real = np.abs(piece) if piece.dtype.kind == "c" else piece
    values = np.nan_to_num(real.astype(np.float32), posinf=0, neginf=0)
    if factor_y == factor_x == 1:
        return values
    height, width = values.shape
    # INTER_AREA is the exact mean where the sizes divide.
    reduced: NDArray[Any] = cv2.resize(
        values, (width // factor_x, height // factor_y), interpolation=cv2.INTER_AREA
    )
    return reduced


def _nearest(piece: NDArray[Any], factor_y: int, factor_x: int) -> NDArray[Any]:
    return piece[factor_y // 2 :: factor_y, factor_x // 2 :: factor_x].copy()
