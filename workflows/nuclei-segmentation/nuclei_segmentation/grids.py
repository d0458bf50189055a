"""Coarse grids: what varies slowly is computed on few points, and brought back to pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]


def block_means(image: NDArray[Any], *, steps: tuple[int, ...]) -> Pixels:
    """Return the means of blocks of ``steps`` pixels; at the far ends, the last pixels fill them up."""
    counts = [-(-size // step) for size, step in zip(image.shape, steps, strict=True)]
    excess = [(0, count * step - size) for count, step, size in zip(counts, steps, image.shape, strict=True)]
    lengths = [length for pair in zip(counts, steps, strict=True) for length in pair]
    blocks = np.pad(image, excess, mode="edge").reshape(lengths)
    return np.asarray(blocks.mean(axis=tuple(range(1, 2 * image.ndim, 2)), dtype=np.float32))


def stretched(surface: Pixels, *, steps: tuple[int, ...], shape: tuple[int, ...]) -> Pixels:
    """Interpolate linearly from the middles of blocks to the pixels of an image of a shape."""
    for axis, (step, size) in enumerate(zip(steps, shape, strict=True)):
        if step > 1:
            surface = _stretched_along(surface, axis=axis, step=step, size=size)
    return surface


def _stretched_along(surface: Pixels, *, axis: int, step: int, size: int) -> Pixels:
    last = surface.shape[axis] - 1
    positions = np.clip((np.arange(size) + 0.5) / step - 0.5, 0, last).astype(np.float32)
    lower = positions.astype(int)
    weight = (positions - lower).reshape([-1 if a == axis else 1 for a in range(surface.ndim)])
    upper = np.minimum(lower + 1, last)
    return np.asarray(surface.take(lower, axis) * (1 - weight) + surface.take(upper, axis) * weight)
