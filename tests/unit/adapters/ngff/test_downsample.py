from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from biomero.adapters.ngff.downsample import halving_for

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


@pytest.mark.parametrize("dtype", INTEGERS)
@given(data=st.data())
def test_integers_become_their_mean_to_the_last_bit(dtype: str, data: st.DataObject) -> None:
    pixels = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7)))
    halved = halving_for(dtype, is_label=False)(pixels)
    height, width = pixels.shape[-2] // 2, pixels.shape[-1] // 2
    assert halved.shape == (*pixels.shape[:-2], height, width)
    assert halved.dtype == pixels.dtype
    for index in np.ndindex(*halved.shape):
        *lead, y, x = index
        four = pixels[(*lead, slice(2 * y, 2 * y + 2), slice(2 * x, 2 * x + 2))].ravel()
        exact = Fraction(sum(int(v) for v in four), 4)
        assert abs(Fraction(int(halved[index])) - exact) <= Fraction(1, 2)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_become_their_mean(dtype: str) -> None:
    pixels = np.random.default_rng(3).normal(size=(2, 9, 11)).astype(dtype)
    halved = halving_for(dtype, is_label=False)(pixels)
    exact = pixels[:, :8, :10].astype("float64").reshape(2, 4, 2, 5, 2).mean((2, 4))
    assert halved.dtype.name == dtype
    tolerance = float(2 * np.finfo(dtype).eps)
    np.testing.assert_allclose(halved, exact, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_the_mean_of_a_whole_image_does_not_drift(dtype: str) -> None:
    pixels = np.random.default_rng(4).integers(0, 100, (512, 512)).astype(dtype)
    halve = halving_for(dtype, is_label=False)
    smallest = halve(halve(halve(halve(pixels))))
    assert abs(smallest.mean() - pixels.mean()) < 0.05


def test_masks_stay_masks() -> None:
    mask = np.array([[True, False, False, True], [True, True, True, True]])
    np.testing.assert_array_equal(halving_for("bool", is_label=False)(mask), [[True, False]])


def test_wide_images_are_halved_as_well() -> None:
    # OpenCV counts in 16 bits in some of its functions.
    pixels = np.arange(2 * 70_000, dtype="uint16").reshape(2, 70_000)
    assert halving_for("uint16", is_label=False)(pixels).shape == (1, 35_000)
