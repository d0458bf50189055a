"""Cuts the foreground into fragments: at least one for each nucleus, and rather too many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import segmentation

from nuclei_segmentation.foreground import Foreground
from nuclei_segmentation.grids import Pixels
from nuclei_segmentation.scale import Scale

_BLOB = 0.2
"""Standard deviation, in diameters, of the filter that answers to bright blobs."""
_BLOB_WEIGHT = {2: 0.3, 3: 0.1}
"""What brightness counts beside shape."""
_SHAPE_SMOOTHING = 0.07
_SEED_REACH = 0.15
"""The distance, in diameters, within which there is one seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragments:
    """An over-segmentation.

    Parameters
    ----------
    labels
        0 is background.
    landscape
        What was flooded, with a summit in each fragment.
    """

    labels: NDArray[np.int32]
    landscape: Pixels


def cut_into_fragments(found: Foreground, *, scale: Scale) -> Fragments:
    """Cut the foreground by a watershed on depth below the surface and brightness together."""
    landscape = _landscape(found, scale)
    reach = tuple(max(1, int(length)) for length in scale.pixels(_SEED_REACH))
    seeds = local_maxima(landscape, found.mask, reach=reach)
    # Through Any, as skimage says nothing of its types.
    watershed: Any = segmentation.watershed
    labels = np.asarray(watershed(-landscape, seeds, mask=found.mask), np.int32)
    return Fragments(labels=labels, landscape=landscape)


def local_maxima(landscape: Pixels, mask: NDArray[np.bool_], *, reach: tuple[int, ...]) -> NDArray[np.int32]:
    """Give a number to each point, or small plateau, that is the highest within a reach."""
    highest = ndimage.maximum_filter(landscape, size=[2 * length + 1 for length in reach])
    maxima: NDArray[Any] = (landscape == highest) & mask
    return np.asarray(ndimage.label(maxima, structure=np.ones((3,) * landscape.ndim))[0], np.int32)


def _landscape(found: Foreground, scale: Scale) -> Pixels:
    depth = ndimage.distance_transform_edt(found.mask, sampling=scale.spacing) / (scale.diameter / 2)
    shape = ndimage.gaussian_filter(depth.astype(np.float32), scale.pixels(_SHAPE_SMOOTHING))
    sigmas = scale.pixels(_BLOB)
    weight = _BLOB_WEIGHT[shape.ndim]
    for axis, sigma in enumerate(sigmas):
        order = [2 if a == axis else 0 for a in range(shape.ndim)]
        # Times the variance, so that the answer does not depend on the size of the blob.
        shape -= weight * sigma**2 * ndimage.gaussian_filter(found.compressed, sigmas, order=order)
    return np.asarray(shape)
