"""Estimates how large nuclei are, for users who do not say."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nuclei_segmentation.foreground import ThresholdRule, find_foreground
from nuclei_segmentation.fragments import local_maxima
from nuclei_segmentation.grids import Pixels
from nuclei_segmentation.scale import Scale

_ROUNDS = 3
_SMALLEST = 6.0
_NOTHING_THERE = 10.0
_SHALLOWEST = 2.0
_REACH = (3, 3, 3)
_DEPTH_TO_DIAMETER = 2.1
"""The deepest point lies half a width below the border, and a nucleus is a bit longer than wide."""


def estimate_diameter(
    pixels: Pixels, *, spacing: tuple[float, ...], smoothing: float, rule: ThresholdRule
) -> float:
    """Return the typical diameter of nuclei, in pixels along x.

    It is found in rounds, because the background is estimated from the diameter: each looks how deep the
    middles of the foreground's parts lie below its surface, and takes the median, weighted by depth.
    """
    largest = float(min(pixels.shape[-2:]))
    diameter = max(_SMALLEST, largest / 8)
    for _ in range(_ROUNDS):
        scale = Scale(diameter=diameter, spacing=spacing)
        found = find_foreground(pixels, scale=scale, smoothing=smoothing, rule=rule)
        depth = ndimage.distance_transform_edt(found.mask, sampling=spacing).astype(np.float32)
        smooth = ndimage.gaussian_filter(depth, [1 / step for step in spacing])
        middles = local_maxima(smooth, found.mask & (smooth > _SHALLOWEST), reach=_REACH[: pixels.ndim])
        depths = np.sort(depth[middles > 0])
        if not depths.size:
            return _NOTHING_THERE
        middle = int(np.searchsorted(np.cumsum(depths), depths.sum() / 2))
        diameter = float(np.clip(_DEPTH_TO_DIAMETER * depths[middle], _SMALLEST, max(_SMALLEST, largest)))
    return diameter
