from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomero.domain.name_beginnings import ImagesByName, beginnings, names_apart

STEMS = {0: "cell", 1: "cell_1", 2: "cell_11", 3: "A", 4: "B"}


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("cell.tif", 0),
        ("cell_1.tif", 1),
        ("cell_1_mask.tif", 1),
        ("cell_11.csv", 2),
        ("cell_111.csv", 0),
        ("cell_12.csv", 0),
        ("cells.csv", None),
        ("overlay_cell_1.tif", None),
        ("A_overlay.png", 3),
        ("a.png", None),
        ("B", 4),
        ("B/labels.tif", 4),
        ("B/A.tif", 3),
        ("summary/all.csv", None),
    ],
)
def test_an_output_belongs_to_the_longest_stem_that_begins_its_name(name: str, owner: int | None) -> None:
    assert ImagesByName(STEMS).owner_of(name) == owner


def test_images_of_one_stem_own_nothing() -> None:
    assert ImagesByName({0: "a", 1: "a"}).owner_of("a_mask.tif") is None
    assert ImagesByName({0: ""}).owner_of("a_mask.tif") is None


@pytest.mark.parametrize(
    ("outputs", "doubted"),
    [
        # numbered for each input: nobody knows, and the longest name has it
        (["cell_1.csv", "cell_2.csv"], {"cell_1.csv": ("cell_1", "cell")}),
        (["cell_mask.tif", "cell_1_mask.tif", "cell_11_mask.tif"], {}),
        (["cell/mask.tif", "cell_1/mask.tif", "cell_1/cell_1.csv", "cell/cell.csv"], {}),
        (["masks/cell_1.tif"], {"masks/cell_1.tif": ("cell_1", "cell")}),
        (["cell_11.csv", "A.csv", "all.csv"], {"cell_11.csv": ("cell_11", "cell")}),
    ],
)
def test_an_output_is_doubted_that_may_be_of_two_images(
    outputs: list[str], doubted: dict[str, tuple[str, str]]
) -> None:
    by_name = ImagesByName(STEMS)
    found = {name: by_name.rivals_of(name, beside=outputs) for name in outputs}
    assert {name: pair for name, pair in found.items() if pair} == doubted


@pytest.mark.parametrize(
    ("names", "apart"),
    [
        (["cell", "cell_1", "cell_11"], ["cell_id1", "cell_1", "cell_11"]),
        (["a", "a", "b"], ["a_id1", "a_id2", "b"]),
        (["Cell", "cell.d0"], ["Cell_id1", "cell.d0"]),
        (["cell", "cells", "patient_id5"], ["cell", "cells", "patient_id5"]),
        # what a mark makes of one name is neither another's, nor begins it
        (["a", "a_1", "a_id1", "a_id1_x", "b_IDs"], ["a_id1", "a_1", "a-id1_id3", "a-id1_x", "b_IDs"]),
    ],
)
def test_no_name_begins_another(names: list[str], apart: list[str]) -> None:
    assert names_apart(names, [f"id{number}" for number in range(1, len(names) + 1)]) == apart


PARTS = st.sampled_from(["a", "A", "b", "_", "-", ".", "id", "plate", "1", "12", "_id1", "_ID12", "_plate1"])
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("".join)
MARKS = ("id1", "id12", "id2", "plate1", "plate12", "plate2")


@given(st.lists(NAMES, min_size=1, max_size=len(MARKS)))
def test_no_name_begins_another_whatever_they_were(names: list[str]) -> None:
    apart = [name.lower() for name in names_apart(names, MARKS[: len(names)])]
    assert not [(one, other) for one, other in permutations(apart, 2) if one in beginnings(other)]
    # so that an output is one image's, or none's
    by_name = ImagesByName(dict(enumerate(apart)))
    assert [by_name.owner_of(f"{name}_1.csv") for name in apart] == [*range(len(apart))]


def test_a_hundred_thousand_images_are_told_apart_in_one_go() -> None:
    """Comparing each with each would take an hour."""
    count = 100_000
    apart = names_apart([f"cell_{n // 2}" for n in range(count)], [f"id{n}" for n in range(count)])
    by_name = ImagesByName(dict(enumerate(apart)))
    assert [by_name.owner_of(f"{name}_1.csv") for name in apart] == [*range(count)]
