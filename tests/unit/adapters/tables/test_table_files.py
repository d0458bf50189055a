from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from biomero.adapters.tables import TableFiles
from biomero.application.ports.omero import TableColumn
from biomero.errors import InputError


def read(path: Path, content: str | bytes, name: str = "cells.csv") -> list[TableColumn]:
    file = path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(TableFiles().read(file))


def shown(columns: list[TableColumn]) -> dict[str, tuple[str, list[Any]]]:
    return {column.name: (column.kind, list(column.values)) for column in columns}


def test_values_have_the_kind_that_all_of_a_column_have(tmp_path: Path) -> None:
    text = 'label,area,is_round,class,gap\n1,10.5,True,"a, b",3\n2,,false,c,\n-3,1e3,TRUE,,5\n'
    assert shown(read(tmp_path, text)) == {
        "label": ("long", [1, 2, -3]),
        "area": ("double", [10.5, None, 1000.0]),
        "is_round": ("bool", [True, False, True]),
        "class": ("string", ["a, b", "c", ""]),
        "gap": ("double", [3.0, None, 5.0]),
    }


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], "long"),
        (["1", "nan"], "double"),
        (["1", "x"], "string"),
        (["9223372036854775807"], "long"),
        (["9223372036854775808"], "string"),
        (["9007199254740993", ""], "string"),
        (["007", "008"], "string"),
        (["0.5", "-.5", "5."], "double"),
        (["inf", "1"], "double"),
        (["1_000"], "string"),
        (["٣"], "string"),
        (["", ""], "string"),
        (["True", ""], "string"),
        (["1", "True"], "string"),
    ],
)
def test_a_column_is_of_the_strictest_kind_that_keeps_its_values(
    tmp_path: Path, values: list[str], kind: str
) -> None:
    (column, _) = read(tmp_path, "a,b\n" + "".join(f"{value},x\n" for value in values))
    assert column.kind == kind
    if kind == "string":
        assert list(column.values) == values


def test_names_are_made_where_they_are_missing_or_not_unique(tmp_path: Path) -> None:
    assert [c.name for c in read(tmp_path, ",a,a, a ,b\n1,2,3,4,5\n")] == ["column 1", "a", "a_2", "a_3", "b"]


def test_ids_of_omero_are_told_by_their_column_names(tmp_path: Path) -> None:
    columns = read(tmp_path, "OMERO_Image,omero_roi,image,omero_well\n5,7,1,0\n6,8,2,1\n")
    assert [(c.name, c.kind) for c in columns] == [
        ("Image", "image"),
        ("Roi", "roi"),
        ("image", "long"),
        ("omero_well", "long"),
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a;b\n1,5;x\n", "t.csv"),
        ("a\tb\n1.5\tx\n", "t.tsv"),
        ("a\tb\n1.5\tx\n", "t.txt"),
        ("\r\na,b\r\n\r\n1.5,x\r\n", "t.csv"),
        ("a,b,\n1.5,x,\n", "t.csv"),
        ("\ufeffa,b\n1.5,x\n", "t.csv"),
    ],
)
def test_dialects_are_told_apart(tmp_path: Path, text: str, name: str) -> None:
    assert shown(read(tmp_path, text, name)) == {"a": ("double", [1.5]), "b": ("string", ["x"])}


def test_utf_16_is_read(tmp_path: Path) -> None:
    assert shown(read(tmp_path, "größe\n1\n".encode("utf-16"))) == {"größe": ("long", [1])}


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    assert shown(read(tmp_path, "a,b\n")) == {"a": ("string", []), "b": ("string", [])}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n\n", "no line of names"),
        (b",,\n1,2,3\n", "no line of names"),
        (b"a,b\n1,2\n3\n", "line 3 has 1 values, and the line of names 2"),
        (b"a,b\n1,2,3\n", "line 2 has 3 values"),
        (b'a,b\n"1,2\n', "line 2 cannot be read"),
        (b"a,b\n\xff\xff,1\n", "no text in UTF-8"),
        (b"a,b\n\0,1\n", "zero byte"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read(tmp_path, content)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        TableFiles().read(tmp_path / "t.csv")


def test_parquet_keeps_its_kinds(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    day = dt.date(2026, 1, 2)
    table = pa.table(
        {
            "n": [1, 2],
            "gap": [1, None],
            "x": pa.array([0.5, None], pa.float32()),
            "ok": [True, False],
            "s": ["a", None],
            "d": [day, day],
            "c": pa.array(["u", "v"]).dictionary_encode(),
            "omero_image": [5, 6],
            "big": pa.array([2**64 - 1, 0], pa.uint64()),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert shown(list(TableFiles().read(tmp_path / "t.parquet"))) == {
        "n": ("long", [1, 2]),
        "gap": ("double", [1.0, None]),
        "x": ("double", [0.5, None]),
        "ok": ("bool", [True, False]),
        "s": ("string", ["a", None]),
        "d": ("string", ["2026-01-02", "2026-01-02"]),
        "c": ("string", ["u", "v"]),
        "Image": ("image", [5, 6]),
        "big": ("string", ["18446744073709551615", "0"]),
    }


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="as Parquet"):
        read(tmp_path, b"PAR1 and no more", "t.parquet")
