"""Size, place and shape of labels."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from label_measurements.regions import Numbers, Regions

_AXES = "zyx"


def measure_shapes(
    labels: NDArray[Any], regions: Regions, *, spacing: tuple[float, ...]
) -> dict[str, Numbers]:
    """Measure every label.

    Parameters
    ----------
    labels, shape (y, x) or (z, y, x)
        The image that the regions are of.
    spacing
        Length of a pixel along each axis, where 1 is that along x.

    Returns
    -------
    columns, each with one value for a label
        Lengths in pixels; boxes from the first index to the one after the last; ``perimeter`` in 2D only.
    """
    places = np.stack(np.unravel_index(regions.pixels, regions.shape))
    names = _AXES[-len(regions.shape) :]
    columns: dict[str, Numbers] = {"area_pixels": regions.sizes.astype(float)}
    centroids = np.stack([regions.total(axis) for axis in places]) / regions.sizes
    for name, centroid in zip(names, centroids, strict=True):
        columns[f"centroid_{name}"] = centroid
    for name, axis in zip(names, places, strict=True):
        columns[f"bbox_min_{name}"] = regions.smallest(axis).astype(float)
        columns[f"bbox_max_{name}"] = regions.largest(axis) + 1.0
    columns["eccentricity"] = _eccentricity(places, centroids, regions, spacing)
    columns["solidity"] = _solidity(places, regions)
    if labels.ndim == 2:  # noqa: PLR2004 - a plane
        columns["perimeter_pixels"] = _perimeter(labels, regions)
    return columns


def _eccentricity(
    places: NDArray[np.intp], centroids: Numbers, regions: Regions, spacing: tuple[float, ...]
) -> Numbers:
    """Return that of the ellipse with the same moments: 0 for a circle, near 1 for a line.

    In 3D it is the longest axis beside the shortest.
    """
    offsets = (places - centroids[:, regions.owner]) * np.array(spacing)[:, None]
    dimensions = len(regions.shape)
    covariance = np.empty((len(regions.names), dimensions, dimensions))
    for a, b in itertools.combinations_with_replacement(range(dimensions), 2):
        # A pixel is not a point: its own extent adds 1/12 to the variance along each axis.
        own = spacing[a] ** 2 / 12 if a == b else 0.0
        covariance[:, a, b] = covariance[:, b, a] = (
            regions.total(offsets[a] * offsets[b]) / regions.sizes + own
        )
    variances = np.linalg.eigvalsh(covariance)
    return np.asarray(np.sqrt(np.clip(1 - variances[:, 0] / variances[:, -1], 0, 1)))


def _solidity(places: NDArray[np.intp], regions: Regions) -> Numbers:
    """Return which part of its convex hull a label fills; pixels are squares or boxes."""
    # Only the two ends of each run along x can lie on the hull.
    lines = regions.pixels // regions.shape[-1]
    new = np.ones(regions.pixels.size, bool)
    new[1:] = (lines[1:] != lines[:-1]) | (regions.owner[1:] != regions.owner[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], regions.pixels.size) - 1
    owner = regions.owner[first]
    low, high = places[:, first].T, places[:, last].T
    bounds = np.searchsorted(owner, np.arange(len(regions.names) + 1))
    corners = np.array(list(itertools.product((0, 1), repeat=len(regions.shape) - 1)))
    hulls = np.empty(len(regions.names))
    for index, (start, end) in enumerate(itertools.pairwise(bounds)):
        points = [
            np.column_stack([ends[start:end, :-1] + corner, ends[start:end, -1] + far])
            for ends, far in ((low, 0), (high, 1))
            for corner in corners
        ]
        hulls[index] = ConvexHull(np.concatenate(points)).volume
    return np.asarray(np.minimum(1.0, regions.sizes / hulls))


def _perimeter(labels: NDArray[Any], regions: Regions) -> Numbers:
    """Count how often lines of four directions cross the border of each label (Crofton's formula)."""
    padded = np.zeros((labels.shape[0] + 2, labels.shape[1] + 2), np.intp)
    inner = np.zeros(labels.size, np.intp)
    inner[regions.pixels] = regions.owner + 1
    padded[1:-1, 1:-1] = inner.reshape(labels.shape)
    length = np.zeros(len(regions.names) + 1)
    pairs = (
        (padded[:, :-1], padded[:, 1:], 1.0),
        (padded[:-1], padded[1:], 1.0),
        (padded[:-1, :-1], padded[1:, 1:], math.sqrt(0.5)),
        (padded[:-1, 1:], padded[1:, :-1], math.sqrt(0.5)),
    )
    for one, other, distance_of_lines in pairs:
        crossed = one != other
        for side in (one, other):
            length += distance_of_lines * np.bincount(side[crossed], minlength=length.size)
    return np.asarray(math.pi / 8 * length[1:])
