"""How much a set of pixels looks like one nucleus: like an ellipse in 2D, an ellipsoid in 3D."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_UNIT_BALL = {2: math.pi, 3: 4 * math.pi / 3}


def ellipse_overlap(positions: NDArray[np.intp]) -> float:
    """Return the intersection over union of a set of pixels and the ellipse that has its moments.

    An ellipse scores nearly 1, half of one 0.9, two circles side by side 0.8. Stretching an axis does not
    change the score, so that it holds for stacks of thick planes too.

    Parameters
    ----------
    positions, shape (pixels, dimensions)
        Where the pixels are.
    """
    count, dimensions = positions.shape
    if count < 2 * dimensions:
        return 1.0
    centred = positions - positions.mean(axis=0)
    # A pixel is not a point: its own extent adds 1/12 to the variance along each axis.
    covariance = centred.T @ centred / count + np.eye(dimensions) / 12
    distance = np.einsum("ij,ij->i", centred @ np.linalg.inv(covariance), centred)
    # A uniform ellipsoid of d dimensions reaches to a squared Mahalanobis distance of d + 2.
    inside = int((distance <= dimensions + 2).sum())
    reach = math.sqrt(float(np.linalg.det(covariance)) * (dimensions + 2) ** dimensions)
    return float(min(1.0, inside / (count + _UNIT_BALL[dimensions] * reach - inside)))
