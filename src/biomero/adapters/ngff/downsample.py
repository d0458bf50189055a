"""Halving y and x: the mean of four pixels for intensities, one of them for labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Halve = Callable[[NDArray[Any]], NDArray[Any]]
"""Halves the last two axes of an array; an odd last row or column is left out."""

# What OpenCV averages, and in which type. Its 8-bit mean rounds halves up, which adds an eighth of a
# grey level at every level of a pyramid; its 16-bit one rounds them to even and adds nothing.
_CV2_TYPE = {
    "uint8": "uint16",
    "int8": "int16",
    "uint16": "uint16",
    "int16": "int16",
    "float16": "float32",
    "float32": "float32",
    "float64": "float64",
    "int32": "float64",
    "uint32": "float64",
}


def halving_for(dtype: str, *, is_label: bool) -> Halve:
    """Return how images of a pixel type are halved.

    Labels and masks keep one pixel in four, because a mean of labels is another label.
    """
    if is_label or dtype == "bool":
        return nearest
    return mean if dtype in _CV2_TYPE else mean_of_long_integers


def nearest(pixels: NDArray[Any]) -> NDArray[Any]:
    """Keep the first pixel of each two by two."""
    height, width = (n // 2 * 2 for n in pixels.shape[-2:])
    return pixels[..., :height:2, :width:2]


def mean(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of each two by two pixels; halves are rounded to even."""
    dtype = pixels.dtype
    height, width = (n // 2 for n in pixels.shape[-2:])
    result = np.empty((*pixels.shape[:-2], height, width), dtype)
    if result.size:
        for index in np.ndindex(*pixels.shape[:-2]):
            plane = pixels[index][: 2 * height, : 2 * width].astype(_CV2_TYPE[dtype.name], copy=False)
            # At exactly half the size, linear interpolation is the mean of four pixels.
            half = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
            result[index] = np.rint(half) if dtype.kind in "iu" and half.dtype.kind == "f" else half
    return result


def mean_of_long_integers(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of each two by two 64-bit integers, exact to the last bit; halves round up."""
    height, width = (n // 2 * 2 for n in pixels.shape[-2:])
    corners = [pixels[..., y:height:2, x:width:2] for y in (0, 1) for x in (0, 1)]
    # The sum of four may not fit: quarters and remainders are added apart.
    quarters = sum((corner >> 2 for corner in corners[1:]), corners[0] >> 2)
    remainders = sum((corner & 3 for corner in corners[1:]), corners[0] & 3)
    return np.asarray(quarters + ((remainders + 2) >> 2), pixels.dtype)
