"""Reading images whole, and expectations on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage

EVERYTHING = slice(0, None)


def whole(image: OpenImage) -> NDArray[Any]:
    """Return all pixels of an image, in the shape of its metadata, read by blocks."""
    metadata = image.metadata
    result = np.empty(
        (metadata.size("t"), metadata.size("c"), metadata.size("z"), *metadata.shape[-2:]), metadata.dtype
    )
    high, wide = image.block_shape
    assert 1 <= high <= metadata.shape[-2]
    assert 1 <= wide <= metadata.shape[-1]
    for t, c, z in np.ndindex(result.shape[:3]):
        for top in range(0, result.shape[3], high):
            for left in range(0, result.shape[4], wide):
                y = slice(top, min(top + high, result.shape[3]))
                x = slice(left, min(left + wide, result.shape[4]))
                piece = image.read(t=t, c=c, z=z, y=y, x=x)
                assert piece.dtype == np.dtype(metadata.dtype)
                assert piece.shape == (y.stop - y.start, x.stop - x.start)
                result[t, c, z, y, x] = piece
    return result.reshape(metadata.shape)


def noise(*shape: int, dtype: str = "uint16", seed: int = 1) -> NDArray[Any]:
    """Return pixels of which no two places are alike."""
    generator = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    if np.dtype(dtype).kind == "b":
        return generator.random(shape) > 0.5
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
