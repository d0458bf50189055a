"""Which pixels belong to nuclei at all: background, brightness on a compressed scale, threshold."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_li, threshold_otsu, threshold_triangle

from nuclei_segmentation.grids import Pixels, block_means, stretched
from nuclei_segmentation.scale import Scale

Mask = NDArray[np.bool_]

THRESHOLDS: dict[str, Callable[[Any], Any]] = {
    "otsu": threshold_otsu,
    "li": threshold_li,
    "triangle": threshold_triangle,
}

_BACKGROUND_WINDOW = 4.0
"""Width, in diameters, of the window in which some background must be seen."""
_ENVELOPE_REACH = 0.5
"""Standard deviation, in diameters, of the neighbourhood whose brightness a pixel is compared with."""
_MINIMAL_SIGNAL = 5.0
"""What stands less than so many standard deviations of the noise above the background is no nucleus."""
_LINEAR_RANGE = 3.0
"""Up to so many standard deviations of the noise the compressed scale is linear, then logarithmic."""
_NEIGHBOURHOOD = 5
_FLAT = 1e-3
_SAMPLE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRule:
    """How bright a pixel must be.

    Parameters
    ----------
    method
        A key of `THRESHOLDS`.
    factor
        What the threshold is multiplied with: larger than 1 finds less.
    local
        The fraction of the brightness of the nuclei around a pixel that it must reach as well.
    """

    method: str = "otsu"
    factor: float = 1.0
    local: float = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreground:
    """The pixels of nuclei, and the images that later steps read.

    Parameters
    ----------
    smooth
        Brightness above the background, smoothed a little.
    compressed
        The same on a scale where a bright nucleus and a dim one differ by a step, not by a factor.
    mask
        True where a nucleus is.
    """

    smooth: Pixels
    compressed: Pixels
    mask: Mask


def find_foreground(image: Pixels, *, scale: Scale, smoothing: float, rule: ThresholdRule) -> Foreground:
    """Separate nuclei from background.

    Parameters
    ----------
    smoothing
        Standard deviation of the smoothing, as a fraction of the diameter.
    """
    smooth = above_background(image, scale=scale, smoothing=smoothing)
    noise = _noise(image, smooth, scale.pixels(smoothing))
    unit = _LINEAR_RANGE * noise
    compressed = np.arcsinh(smooth / unit).astype(np.float32)
    if float(np.ptp(compressed)) < _FLAT:  # an empty image: there is nothing to tell apart
        return Foreground(smooth=smooth, compressed=compressed, mask=np.zeros(image.shape, bool))
    threshold = rule.factor * unit * math.sinh(float(THRESHOLDS[rule.method](compressed)))
    above = smooth > max(threshold, _MINIMAL_SIGNAL * noise)
    mask = above & (smooth > rule.local * unit * np.sinh(_local_mean(compressed, above, scale)))
    return Foreground(smooth=smooth, compressed=compressed, mask=ndimage.binary_fill_holes(mask))


def above_background(image: Pixels, *, scale: Scale, smoothing: float) -> Pixels:
    """Return the image smoothed, less its background."""
    smooth = ndimage.gaussian_filter(image, scale.pixels(smoothing))
    return np.asarray(smooth - background(smooth, windows=scale.pixels(_BACKGROUND_WINDOW)))


def background(image: Pixels, *, windows: tuple[float, ...]) -> Pixels:
    """Return the smooth lower envelope of an image: an opening, computed on a coarse grid.

    Parameters
    ----------
    windows
        Width of the opening along each axis, in pixels.
    """
    steps = tuple(max(1, int(window / 16)) for window in windows)
    coarse = block_means(image, steps=steps)
    sizes = [
        min(2 * max(1, round(window / step / 2)) + 1, 2 * count + 1)
        for window, step, count in zip(windows, steps, coarse.shape, strict=True)
    ]
    surface = ndimage.grey_opening(coarse, size=sizes, mode="nearest")
    surface = ndimage.gaussian_filter(surface, [size / 4 for size in sizes], mode="nearest")
    return stretched(surface, steps=steps, shape=image.shape)


def _noise(image: Pixels, smooth: Pixels, sigmas: tuple[float, ...]) -> float:
    """Return the standard deviation of the noise that smoothing has left, seen in the darkest quarter.

    Neighbouring pixels differ there by noise only, so that it does not matter whether the background is
    uneven or rare. Never 0.
    """
    # Means, because single pixels that are dark are so by their noise, and would show too little of it.
    means = ndimage.uniform_filter(smooth, _NEIGHBOURHOOD)
    dark = means <= np.percentile(means.ravel()[:: max(1, means.size // _SAMPLE)], 25)
    differences = np.diff(image, axis=-1)[dark[..., 1:] & dark[..., :-1]]
    # 1.4826 makes a median of absolute values a standard deviation; a difference has two pixels' noise.
    raw = 1.4826 / math.sqrt(2) * float(np.median(np.abs(differences))) if differences.size else 0.0
    left = math.prod(min(1.0, math.sqrt(1 / (2 * math.sqrt(math.pi) * max(sigma, 1e-6)))) for sigma in sigmas)
    return max(raw * left, 1e-6 * max(float(np.ptp(smooth)), 1e-6))


def _local_mean(compressed: Pixels, above: Mask, scale: Scale) -> Pixels:
    """Return the mean brightness of the nuclei around each pixel, on the compressed scale.

    Hence a geometric mean: one very bright nucleus does not hide its neighbours.
    """
    sigmas = scale.pixels(_ENVELOPE_REACH)
    steps = tuple(max(1, int(sigma / 4)) for sigma in sigmas)
    coarse = [sigma / step for sigma, step in zip(sigmas, steps, strict=True)]
    weight = ndimage.gaussian_filter(block_means(above, steps=steps), coarse)
    total = ndimage.gaussian_filter(block_means(np.where(above, compressed, 0), steps=steps), coarse)
    return stretched(total / np.maximum(weight, 1e-6), steps=steps, shape=above.shape)
