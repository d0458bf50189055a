"""How well a label image agrees with a ground truth: precision, recall and F1 at a minimal overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Counts of objects found and missed, at one minimal intersection over union."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall; 1 where there is nothing to find, nor found."""
        errors = self.false_positives + self.false_negatives
        return (
            1.0
            if self.true_positives + errors == 0
            else 2 * self.true_positives / (2 * self.true_positives + errors)
        )

    def __add__(self, other: Agreement) -> Agreement:
        """Return the counts of two images together."""
        return Agreement(
            true_positives=self.true_positives + other.true_positives,
            false_positives=self.false_positives + other.false_positives,
            false_negatives=self.false_negatives + other.false_negatives,
        )


def intersection_over_union(truth: NDArray[Any], found: NDArray[Any]) -> NDArray[np.float64]:
    """Return the overlap of each true object (rows) with each found one (columns); background is left out."""
    _, true_indices = np.unique(np.append(truth.ravel(), 0), return_inverse=True)
    _, found_indices = np.unique(np.append(found.ravel(), 0), return_inverse=True)
    shape = (int(true_indices.max()) + 1, int(found_indices.max()) + 1)
    pairs = true_indices.astype(np.int64) * shape[1] + found_indices
    overlap = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    union = overlap.sum(axis=1, keepdims=True) + overlap.sum(axis=0, keepdims=True) - overlap
    return np.asarray((overlap / np.maximum(union, 1))[1:, 1:])


def agreement(truth: NDArray[Any], found: NDArray[Any], *, minimal_iou: float = 0.5) -> Agreement:
    """Match objects one to one, as many as overlap enough, and count.

    Parameters
    ----------
    truth, found
        Label images of one shape; 0 is background.
    """
    iou = intersection_over_union(truth, found)
    rows, columns = linear_sum_assignment(-(iou >= minimal_iou).astype(float))
    matched = int((iou[rows, columns] >= minimal_iou).sum())
    return Agreement(
        true_positives=matched,
        false_positives=iou.shape[1] - matched,
        false_negatives=iou.shape[0] - matched,
    )
