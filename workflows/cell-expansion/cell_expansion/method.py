"""Grows labels into the background around them, without overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Grown labels, in the dtype and with the numbers of the labels that they grew from.

    Parameters
    ----------
    cells
        The labels, grown.
    cytoplasm
        The same without what was labelled before.
    """

    cells: Labels
    cytoplasm: Labels


def grow(
    labels: Labels,
    *,
    max_pixels: float,
    discard_without_cytoplasm: bool,
    spacing: tuple[float, ...] | None = None,
) -> Cells:
    """Give each background pixel within reach to the nearest label.

    Parameters
    ----------
    labels, shape (y, x) or (z, y, x)
        0 is background.
    max_pixels
        The reach, in pixels along x.
    discard_without_cytoplasm
        Drop labels that nothing was given to, from both results.
    spacing
        Length of a pixel along each axis, where 1 is that along x; all equal if it is not given.
    """
    background = labels == 0
    if not background.any() or background.all():
        cells = labels.copy()
    else:
        distance, nearest = ndimage.distance_transform_edt(background, sampling=spacing, return_indices=True)
        cells = np.where(distance <= max_pixels, labels[tuple(nearest)], 0).astype(labels.dtype)
    cytoplasm = np.where(background, cells, 0).astype(labels.dtype)
    if discard_without_cytoplasm:
        kept = np.isin(cells, np.unique(cytoplasm))
        cells = np.where(kept, cells, 0).astype(labels.dtype)
    return Cells(cells=cells, cytoplasm=cytoplasm)
