"""Attached files as inputs: formats and names."""

from __future__ import annotations

import pytest

from biomero.domain.input_files import name_files, why_not_taken
from biomero.domain.omero import OmeroFile


def attached(name: str, number: int = 7, *, media_type: str = "text/csv") -> OmeroFile:
    return OmeroFile(
        id=number, name=name, size=1, owner_id=2, group_id=3, file_id=number, media_type=media_type
    )


@pytest.mark.parametrize(
    ("name", "formats", "is_taken"),
    [
        ("a.csv", (), True),
        ("no suffix", (), True),
        ("a.csv", ("csv", "parquet"), True),
        ("A.CSV", (".csv",), True),
        ("a.ome.tiff", ("tif",), True),
        ("a.tif", ("ometiff",), True),
        ("a.tar.gz", ("tar.gz",), True),
        ("a.tar.gz", ("gz",), True),
        ("a.csv.gz", ("csv",), False),
        ("a.txt", ("csv",), False),
        ("csv", ("csv",), False),
        ("", ("csv",), False),
    ],
)
def test_a_file_is_taken_by_its_suffix(name: str, formats: tuple[str, ...], *, is_taken: bool) -> None:
    why = why_not_taken(attached(name), formats)
    assert (why == "") is is_taken
    if not is_taken:
        assert f"FileAnnotation:7 ({name})" in why
        assert formats[0] in why


def test_a_table_of_omeros_is_taken_for_hdf5_only() -> None:
    table = attached("cells.csv", media_type="OMERO.tables")
    assert "OMERO.table" in why_not_taken(table, ["csv"])
    assert "OMERO.table" in why_not_taken(table, [])
    assert why_not_taken(table, ["csv", "hdf5"]) == ""


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.csv", "b.csv"], ["a.csv", "b.csv"]),
        (["a.csv", "a.tsv"], ["a.csv", "a.tsv"]),
        (["a.csv", "a.csv"], ["a_id0.csv", "a_id1.csv"]),
        (["a.csv", "A.CSV"], ["a_id0.csv", "A_id1.CSV"]),
        (["a_id1.csv", "a.csv", "a.csv"], ["a_id1_id0.csv", "a_id1.csv", "a_id2.csv"]),
        (["weights"], ["weights"]),
        (["v1.0.tar.gz"], ["v1.0.tar.gz"]),
    ],
)
def test_names_stay_as_they_are_unless_they_are_alike(names: list[str], expected: list[str]) -> None:
    files = [attached(name, number) for number, name in enumerate(names)]
    assert list(name_files(files)) == expected


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../../a.csv",
        "..",
        ".",
        "",
        ".csv",
        "a b;$(x).csv",
        "ü/ö.csv",
        "a.\ncsv",
        "-rf.csv",
        "x" * 900,
    ],
)
def test_no_name_leaves_its_folder_or_troubles_a_shell(name: str) -> None:
    (safe,) = name_files([attached(name)])
    assert safe.isascii()
    assert all(c.isalnum() or c in "._-" for c in safe)
    assert safe[0] not in "-."
    assert len(safe) < 160
    assert safe.endswith(".csv") or not name.endswith(".csv") or name == ".csv"


def test_unsafe_names_that_look_alike_stay_two() -> None:
    first, second = name_files([attached("a b.csv", 1), attached("a;b.csv", 2)])
    assert first != second
