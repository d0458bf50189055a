from __future__ import annotations

import numpy as np
import pytest
from cell_expansion.method import grow


def test_labels_grow_as_far_as_they_may_and_meet_in_the_middle() -> None:
    labels = np.zeros((1, 20), np.uint16)
    labels[0, 5], labels[0, 10] = 7, 9
    cells = grow(labels, max_pixels=3, discard_without_cytoplasm=False).cells
    assert cells[0].tolist() == [0, 0, 7, 7, 7, 7, 7, 7, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0]
    assert cells.dtype == np.uint16


@pytest.mark.parametrize("shape", [(60, 60), (20, 40, 40)])
def test_cells_are_nuclei_and_cytoplasm_with_the_same_numbers(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    nuclei = np.zeros(shape, np.uint32)
    for label, place in enumerate(rng.integers(3, np.array(shape) - 3, (12, len(shape))), start=1):
        nuclei[tuple(slice(p - 2, p + 2) for p in place)] = 100000 * label
    grown = grow(nuclei, max_pixels=6, discard_without_cytoplasm=False)
    np.testing.assert_array_equal(grown.cells[nuclei > 0], nuclei[nuclei > 0])
    np.testing.assert_array_equal(np.where(nuclei > 0, nuclei, grown.cytoplasm), grown.cells)
    assert set(np.unique(grown.cells)) == set(np.unique(nuclei))


def test_a_reach_of_nothing_leaves_labels_as_they_are() -> None:
    labels = np.eye(6, dtype=np.uint8) * 3
    grown = grow(labels, max_pixels=0, discard_without_cytoplasm=False)
    np.testing.assert_array_equal(grown.cells, labels)
    assert not grown.cytoplasm.any()


def test_a_cell_without_room_is_dropped_if_wanted() -> None:
    labels = np.full((9, 9), 1, np.uint8)
    labels[4, 4] = 2
    labels[:, 0] = 0
    kept = grow(labels, max_pixels=5, discard_without_cytoplasm=False)
    assert set(np.unique(kept.cells)) == {1, 2}
    dropped = grow(labels, max_pixels=5, discard_without_cytoplasm=True)
    assert set(np.unique(dropped.cells)) == {0, 1}
    assert set(np.unique(dropped.cytoplasm)) == {0, 1}


def test_planes_that_are_far_apart_are_reached_later() -> None:
    labels = np.zeros((5, 5, 5), np.uint8)
    labels[2, 2, 2] = 1
    cells = grow(labels, max_pixels=2, discard_without_cytoplasm=False, spacing=(3.0, 1.0, 1.0)).cells
    assert cells[2, 2].tolist() == [1, 1, 1, 1, 1]
    assert not cells[1].any()


@pytest.mark.parametrize("value", [0, 4])
def test_an_image_of_one_value_stays(value: int) -> None:
    labels = np.full((4, 4), value, np.uint8)
    np.testing.assert_array_equal(grow(labels, max_pixels=9, discard_without_cytoplasm=False).cells, labels)
