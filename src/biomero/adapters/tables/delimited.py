"""Tables of text, with a line of names: separated by commas, semicolons or tabs."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from biomero.adapters.tables.texts import typed
from biomero.application.ports.omero import TableColumn
from biomero.errors import InputError

_SEPARATORS = ",;\t"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_delimited(path: Path) -> list[TableColumn]:
    """Read a table; what separates its values is what is most often in its first line.

    Empty lines are left out. Where every line ends with a separator, nothing comes after it.

    Raises
    ------
    InputError
        If it is not text, has no names, or a line has not as many values as there are names.
    """
    text = _decoded(path)
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = "\t" if path.suffix.lower() == ".tsv" else max(_SEPARATORS, key=first.count)
    lines = list(_lines(text, separator, path.name))
    if not lines or not any(name.strip() for name in lines[0][1]):
        raise InputError(f"{path.name} has no line of names")
    names = lines[0][1]
    for number, values in lines[1:]:
        if len(values) != len(names):
            raise InputError(
                f"{path.name}: line {number} has {len(values)} values, and the line of names {len(names)}"
            )
    rows = [values for _, values in lines[1:]]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    if len(names) > 1 and not names[-1].strip() and not any(value.strip() for value in columns[-1]):
        names, columns = names[:-1], columns[:-1]
    has_decimal_commas = separator == ";"
    return [
        typed(name, values, has_decimal_commas=has_decimal_commas)
        for name, values in zip(names, columns, strict=True)
    ]


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise InputError(
            f"{path.name} is no text in UTF-8 or UTF-16: byte {exc.start} is of neither"
        ) from exc
    if "\0" in text:
        raise InputError(f"{path.name} is no text: it has a zero byte")
    return text


def _lines(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield from ((reader.line_num, values) for values in reader if values)
    except csv.Error as exc:
        raise InputError(f"{name}: line {reader.line_num} cannot be read: {exc}") from exc
