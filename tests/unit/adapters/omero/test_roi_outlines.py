from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from biomero.adapters.omero.roi_outlines import Point, outlines
from biomero.adapters.omero.roi_runs import runs_of
from biomero.testing.images import ArrayImage

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))


def outlines_of(mask: NDArray[Any]) -> list[list[Point]]:
    runs = runs_of(ArrayImage(mask), t=0, c=0)
    return outlines(runs.y, runs.start, runs.stop)


def filled(polygons: list[list[Point]], shape: tuple[int, int]) -> NDArray[np.int64]:
    """How many polygons enclose the centre of each pixel."""
    count = np.zeros(shape, dtype=np.int64)
    for points in polygons:
        corners = np.array([(y - 0.5, x - 0.5) for x, y in points])
        count += polygon2mask(shape, corners)  # type: ignore[no-untyped-call]
    return count


def area(points: list[Point]) -> float:
    x, y = np.array(points).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


@settings(max_examples=300)
@given(arrays(np.uint8, shapes, elements=st.integers(0, 1)))
def test_polygons_enclose_exactly_the_pixels_of_an_object(mask: NDArray[np.uint8]) -> None:
    polygons = outlines_of(mask)
    assert np.array_equal(filled(polygons, mask.shape), mask)
    assert sum(area(points) for points in polygons) == mask.sum()


def test_a_pixel_is_a_square() -> None:
    mask = np.zeros((3, 4), dtype=np.uint8)
    mask[1, 2] = 1
    assert outlines_of(mask) == [[(2, 1), (3, 1), (3, 2), (2, 2)]]


def test_pixels_that_touch_by_a_corner_are_parts_of_their_own() -> None:
    assert len(outlines_of(np.eye(4, dtype=np.uint8))) == 4
    assert len(outlines_of(np.eye(4, dtype=np.uint8)[::-1])) == 4


def test_a_ring_is_one_polygon_that_goes_around_its_hole() -> None:
    mask = np.ones((5, 5), dtype=np.uint8)
    mask[1:4, 1:4] = 0
    mask[2, 2] = 1
    polygons = outlines_of(mask)
    assert sorted(map(area, polygons)) == [1, 16]


@pytest.mark.slow
def test_many_holes_side_by_side_are_all_cut_out() -> None:
    mask = np.ones((201, 201), dtype=np.uint8)
    mask[1::2, 1::2] = 0
    polygons = outlines_of(mask)
    assert len(polygons) == 1
    assert np.array_equal(filled(polygons, mask.shape), mask)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
def test_objects_of_any_whole_numbers_are_found(dtype: str) -> None:
    labels = np.zeros((2, 40, 30), dtype=dtype)
    labels[0, 3:7, 2:5] = 1
    labels[1, 30:, 29:] = np.iinfo(dtype).max if dtype != "bool" else 1
    labels[1, 0, 0] = -1 if dtype.startswith("int") else 0
    found = runs_of(ArrayImage(labels, block_shape=(7, 30)), t=0, c=0)
    assert [n for n, _ in found.objects()] == sorted({int(v) for v in labels.ravel() if v > 0})
    again = np.zeros(labels.shape, dtype=np.int64)
    for number, place in found.objects():
        part = found.of(place)
        for z, y, start, stop in zip(part.z, part.y, part.start, part.stop, strict=True):
            again[z, y, start:stop] += number
    assert np.array_equal(again, np.maximum(labels.astype(np.int64), 0))
