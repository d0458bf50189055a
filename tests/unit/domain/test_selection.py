"""Names of images during a run."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomero.domain.selection import safe_name, stem


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("a.tif", "a"),
        ("a.ome.tif", "a"),
        ("a.OME.TIFF", "a"),
        ("a.ome.zarr", "a"),
        ("a.b.czi", "a.b"),
        ("noending", "noending"),
        (".tif", ".tif"),
        (".ome.tif", ".ome"),
    ],
)
def test_the_suffix_of_the_format_goes(file_name: str, expected: str) -> None:
    assert stem(file_name) == expected


@given(st.text())
def test_a_safe_name_is_safe_whatever_it_was(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", safe_name(name))


@given(st.text(), st.text())
def test_two_names_never_become_one(one: str, other: str) -> None:
    if one != other:
        assert safe_name(one) != safe_name(other)


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,100}", fullmatch=True))
def test_a_name_that_is_safe_stays(name: str) -> None:
    assert safe_name(name.lstrip("_-.") or "a") == (name.lstrip("_-.") or "a")


def test_a_name_that_is_no_utf_8_has_a_safe_name() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+", safe_name("caf\udce9"))
