"""The pixels of each label, side by side, so that all labels are measured at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """The labels of one image.

    Parameters
    ----------
    names
        The labels, in rising order.
    pixels
        Indices into the flattened image, those of the first label first.
    owner
        For each of them, the position of its label in `names`.
    starts
        Where each label's pixels begin.
    shape
        Of the image: (y, x) or (z, y, x).
    """

    names: NDArray[Any]
    pixels: NDArray[np.intp]
    owner: NDArray[np.intp]
    starts: NDArray[np.intp]
    shape: tuple[int, ...]

    @property
    def sizes(self) -> NDArray[np.intp]:
        """The number of pixels of each label."""
        return np.diff(np.append(self.starts, self.pixels.size))

    def total(self, values: NDArray[Any]) -> Numbers:
        """Return for each label the sum of a value that each pixel has."""
        return np.bincount(self.owner, values, len(self.names)).astype(np.float64)

    def smallest(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return for each label the smallest of a value that each pixel has."""
        return np.asarray(np.minimum.reduceat(values, self.starts))

    def largest(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return for each label the largest of a value that each pixel has."""
        return np.asarray(np.maximum.reduceat(values, self.starts))


def regions_of(labels: NDArray[Any]) -> Regions:
    """Sort the pixels of an image by label; background is left out."""
    flat = labels.ravel()
    pixels = np.flatnonzero(flat)
    pixels = pixels[np.argsort(flat[pixels], kind="stable")]
    names, starts, owner = np.unique(flat[pixels], return_index=True, return_inverse=True)
    return Regions(names=names, pixels=pixels, owner=owner, starts=starts, shape=labels.shape)
