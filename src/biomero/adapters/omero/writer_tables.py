"""Tables into OMERO.tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from biomero.adapters.omero.writer_session import WritingSession
from biomero.application.ports.omero import TableColumn
from biomero.errors import InputError, OmeroUnavailableError

_ROWS_AT_ONCE = 10_000
_NOTHING = {"double": float("nan"), "string": ""}
_COLUMNS = {
    "long": "LongColumn",
    "double": "DoubleColumn",
    "string": "StringColumn",
    "bool": "BoolColumn",
    "image": "ImageColumn",
    "roi": "RoiColumn",
    "dataset": "DatasetColumn",
    "plate": "PlateColumn",
    "well": "WellColumn",
}


def make_table(session: WritingSession, columns: Sequence[TableColumn], name: str) -> int:
    """Make a table with all its rows; return the id of its file.

    Raises
    ------
    InputError
        If there are no columns, or they have not the same number of rows.
    OmeroUnavailableError
        If OMERO has no tables now.
    """
    check_columns(columns)
    resources = session.factory.sharedResources()
    if not resources.areTablesEnabled():
        raise OmeroUnavailableError("OMERO.tables is not running, and so no table can be made")
    repository = resources.repositories().descriptions[0].id.val
    table = resources.newTable(repository, name)
    if table is None:  # which OMERO answers where the server of tables is starting, or has no place for files
        raise OmeroUnavailableError("OMERO.tables gave no new table; its log on the server says why")
    try:
        made: int = table.getOriginalFile().id.val
        theirs = [_column(*pair) for pair in zip(columns, _stored_names(columns), strict=True)]
        table.initialize(theirs)
        for first in range(0, len(columns[0].values), _ROWS_AT_ONCE):
            for column, their in zip(columns, theirs, strict=True):
                rows = column.values[first : first + _ROWS_AT_ONCE]
                their.values = [_NOTHING.get(column.kind) if value is None else value for value in rows]
            table.addData(theirs)
    finally:
        table.close()
    return made


def check_columns(columns: Sequence[TableColumn]) -> None:
    """Refuse what is no table.

    Raises
    ------
    InputError
        If there are no columns, one is of no known kind, or they have not the same number of rows.
    """
    if not columns:
        raise InputError("a table needs a column")
    if len({len(column.values) for column in columns}) > 1:
        lengths = ", ".join(f"{column.name} {len(column.values)}" for column in columns)
        raise InputError(f"the columns of a table have one value for each row; these have: {lengths}")
    for column in columns:
        if column.kind not in _COLUMNS:
            kinds = ", ".join(_COLUMNS)
            raise InputError(f"column {column.name} is of kind {column.kind!r}; there are: {kinds}")


def _stored_names(columns: Sequence[TableColumn]) -> Iterator[str]:
    """Return names that a file in HDF5 takes: without ``/``, not reserved, no two the same."""
    taken: set[str] = set()
    for column in columns:
        wanted = column.name.replace("/", "_").strip().lstrip("_") or "column"
        name = wanted
        for again in itertools.count(2):
            if name not in taken:
                break
            name = f"{wanted}_{again}"
        taken.add(name)
        yield name


def _column(column: TableColumn, name: str) -> Any:
    import omero.clients  # its slice definitions are loaded by that
    import omero.grid

    description = column.name.encode("ascii", "replace").decode()  # others cannot be stored
    return getattr(omero.grid, _COLUMNS[column.kind])(name, description, *_size(column), [])


def _size(column: TableColumn) -> tuple[int, ...]:
    """Return how many bytes the longest text takes, for a column of texts."""
    if column.kind != "string":
        return ()
    return (max((len(str(value).encode()) for value in column.values if value is not None), default=1) or 1,)
