"""Outlines of labelled objects, drawn into a picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from biomero.adapters.report.composite import hue_colour

_THIN_UP_TO = 1024
_GOLDEN = 0.618034
"""Hues that follow one another in steps of the golden ratio never come near each other soon."""
_COLOURS = 97
_BYTE = 255


def draw_outlines(picture: NDArray[np.uint8], labels: NDArray[Any]) -> None:
    """Draw the inner edge of each object into a picture, neighbours in different colours.

    Edges are one pixel wide, two in pictures so large that they will be shown smaller.

    Parameters
    ----------
    picture, shape (y, x, 3)
        Is changed.
    labels, shape (y, x)
        Numbers of objects; 0, and less, is background.
    """
    # Numbers up to 2**63 become small ones, which float32 keeps exactly.
    values, index = np.unique(labels, return_inverse=True)
    small = index.reshape(labels.shape).astype(np.float32)
    thickness = 1 if max(labels.shape) <= _THIN_UP_TO else 2
    square = np.ones((2 * thickness + 1, 2 * thickness + 1), dtype=np.uint8)
    edge = (cv2.dilate(small, square) != cv2.erode(small, square)) & (labels > 0)
    picture[edge] = _colour_table()[(values % _COLOURS).astype(np.intp)][index.reshape(labels.shape)[edge]]


def _colour_table() -> NDArray[np.uint8]:
    hues = [hue_colour(i * _GOLDEN) for i in range(_COLOURS)]
    return (np.array(hues) * _BYTE).round().astype(np.uint8)
