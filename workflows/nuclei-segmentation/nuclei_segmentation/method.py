"""Segments the nuclei of one plane or stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nuclei_segmentation.estimate import estimate_diameter
from nuclei_segmentation.foreground import ThresholdRule, above_background, find_foreground
from nuclei_segmentation.fragments import cut_into_fragments
from nuclei_segmentation.grids import Pixels
from nuclei_segmentation.merging import join_fragments
from nuclei_segmentation.scale import Scale

Labels = NDArray[np.int32]

_SMOOTHING = {2: 0.03, 3: 0.05}
"""Fraction of the diameter; stacks are noisier."""
_LOCAL_THRESHOLD = {2: 0.6, 3: 0.75}
_EDGE = 0.5
"""A nucleus ends where it has fallen to so much of its own brightness."""
_WORKING_DIAMETER = 30.0
"""Images of larger nuclei are shrunk: that costs no shape and saves time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user may choose.

    Parameters
    ----------
    min_area
        Smallest nucleus in pixels or voxels.
    diameter
        Typical diameter in pixels; 0 estimates it from the image.
    smoothing
        Standard deviation of the smoothing as a fraction of the diameter; 0 takes 0.03 in 2D and 0.05 in 3D.
    threshold
        Method of the global threshold: a key of `THRESHOLDS`.
    threshold_factor
        What the threshold is multiplied with: larger than 1 finds less.
    """

    min_area: int = 30
    diameter: float = 0.0
    smoothing: float = 0.0
    threshold: str = "otsu"
    threshold_factor: float = 1.0


def segment(image: NDArray[Any], settings: Settings, *, spacing: tuple[float, ...] | None = None) -> Labels:
    """Label the nuclei of an image.

    Parameters
    ----------
    image, shape (y, x) or (z, y, x)
        Bright nuclei on a dark background.
    spacing
        Length of a pixel along each axis, where 1 is that along x; all equal if it is not given.

    Returns
    -------
    labels, of the image's shape
        0 is background; nuclei are counted from 1 without gaps.
    """
    pixels = image.astype(np.float32)
    spacing = spacing or (1.0,) * image.ndim
    smoothing = settings.smoothing or _SMOOTHING[image.ndim]
    rule = ThresholdRule(
        method=settings.threshold, factor=settings.threshold_factor, local=_LOCAL_THRESHOLD[image.ndim]
    )
    diameter = settings.diameter or estimate_diameter(pixels, spacing=spacing, smoothing=smoothing, rule=rule)
    scale = Scale(diameter=diameter, spacing=spacing)
    factor = max(1, int(diameter / _WORKING_DIAMETER))
    labels = _segment_shrunk(_shrunk(pixels, factor), scale.shrunk(factor), smoothing, rule)
    if factor > 1:
        labels = labels.repeat(factor, -1).repeat(factor, -2)[..., : image.shape[-2], : image.shape[-1]]
        labels = _cut_at_edges(labels, above_background(pixels, scale=scale, smoothing=smoothing))
    return _numbered(labels, min_area=settings.min_area)


def _segment_shrunk(pixels: Pixels, scale: Scale, smoothing: float, rule: ThresholdRule) -> Labels:
    found = find_foreground(pixels, scale=scale, smoothing=smoothing, rule=rule)
    fragments = cut_into_fragments(found, scale=scale)
    joined = join_fragments(fragments, compressed=found.compressed, typical_size=scale.typical_size)
    return _cut_at_edges(joined, found.smooth)


def _shrunk(pixels: Pixels, factor: int) -> Pixels:
    """Return the means of squares of pixels, in each plane."""
    if factor == 1:
        return pixels
    rows, columns = (-(-size // factor) for size in pixels.shape[-2:])
    excess = [(0, 0)] * (pixels.ndim - 2)
    excess += [(0, rows * factor - pixels.shape[-2]), (0, columns * factor - pixels.shape[-1])]
    padded = np.pad(pixels, excess, mode="edge")
    return np.asarray(padded.reshape(*pixels.shape[:-2], rows, factor, columns, factor).mean(axis=(-3, -1)))


def _cut_at_edges(labels: Labels, smooth: Pixels) -> Labels:
    """Cut each nucleus where it has fallen to half of its own brightness, and keep its largest part."""
    result = np.zeros_like(labels)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = labels[box] == label
        values = smooth[box]
        parts, count = ndimage.label(inside & (values > _EDGE * np.percentile(values[inside], 75)))
        if count:
            largest = 1 + int(np.bincount(parts.ravel())[1:].argmax())
            result[box][ndimage.binary_fill_holes(parts == largest) & inside] = label
    return result


def _numbered(labels: Labels, *, min_area: int) -> Labels:
    """Drop what is too small, and count the rest from 1."""
    keep = np.bincount(labels.ravel()) >= max(1, min_area)
    keep[0] = False
    return np.asarray(np.where(keep, np.cumsum(keep), 0).astype(np.int32)[labels])
