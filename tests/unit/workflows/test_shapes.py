from __future__ import annotations

import numpy as np
import pytest
from nuclei_segmentation.shapes import ellipse_overlap
from numpy.typing import NDArray


def ball(*radii: float) -> NDArray[np.intp]:
    grid = np.stack(np.meshgrid(*(np.arange(-r - 2, r + 3) for r in radii), indexing="ij"), axis=-1)
    return np.argwhere(((grid / radii) ** 2).sum(axis=-1) <= 1)


@pytest.mark.parametrize("radii", [(10, 10), (8, 16), (4, 7), (8, 8, 8), (3, 8, 12)])
def test_an_ellipse_looks_like_one(radii: tuple[int, ...]) -> None:
    assert ellipse_overlap(ball(*radii)) > 0.93


@pytest.mark.parametrize("radii", [(10, 10), (9, 9, 9)])
def test_two_that_touch_do_not_look_like_one(radii: tuple[int, ...]) -> None:
    one = ball(*radii)
    both = np.concatenate([one, one + np.array([0] * (len(radii) - 1) + [2 * radii[-1] + 1])])
    assert ellipse_overlap(both) < 0.85


def test_a_half_looks_worse_than_the_whole() -> None:
    whole = ball(12, 12)
    assert ellipse_overlap(whole[whole[:, 0] > 13]) < ellipse_overlap(whole) - 0.03


@pytest.mark.parametrize("positions", [[[0, 0]], [[3, 3], [3, 4]], [[0, 0], [0, 1], [0, 2], [0, 3], [0, 4]]])
def test_a_few_pixels_or_a_line_have_a_score(positions: list[list[int]]) -> None:
    assert 0 < ellipse_overlap(np.array(positions)) <= 1
