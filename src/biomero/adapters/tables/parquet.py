"""Tables in Parquet, by pyarrow."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from biomero.application.ports.omero import TableColumn
from biomero.errors import InputError

_LARGEST = 2**63
_LARGEST_EXACT = 2**53


def read_parquet(path: Path) -> list[TableColumn]:
    """Read a table; what is neither number, truth nor text becomes text.

    Raises
    ------
    InputError
        If it is not Parquet, or pyarrow is missing.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(f"{path.name} needs pyarrow to be read: pip install 'biomero[stats]'")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowException as exc:
        raise InputError(f"{path.name} cannot be read as Parquet: {exc}") from exc
    if not table.num_columns:
        raise InputError(f"{path.name} has no columns")
    return [_column(name, table.column(place)) for place, name in enumerate(table.column_names)]


def _column(name: str, column: Any) -> TableColumn:
    import pyarrow.types as kinds

    values = column.to_pylist()
    known = [value for value in values if value is not None]
    is_full = len(known) == len(values)
    if kinds.is_boolean(column.type) and is_full:
        return TableColumn(name=name, kind="bool", values=values)
    if kinds.is_integer(column.type) and is_full and all(-_LARGEST <= value < _LARGEST for value in known):
        return TableColumn(name=name, kind="long", values=values)
    is_exact = kinds.is_integer(column.type) and all(abs(value) <= _LARGEST_EXACT for value in known)
    if kinds.is_floating(column.type) or (is_exact and known):
        return TableColumn(name=name, kind="double", values=[None if v is None else float(v) for v in values])
    return TableColumn(name=name, kind="string", values=[None if v is None else str(v) for v in values])
