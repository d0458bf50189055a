"""Rows of views within one transaction: read when wanted, written together at its end."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from biomero.adapters.persistence.tables import POSITIONS, is_one_of, key_in, table_of
from biomero.application.ports.views import Key, Row, Table
from biomero.application.record_json import plain_value

_AT_ONCE = 500
"""Keys in one question, rows in one answer; SQLite takes 32,766 values in a statement."""


class SqlRows:
    """See `ViewTransaction`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._rows: dict[Table, dict[Key, Row | None]] = defaultdict(dict)
        self._changed: dict[Table, set[Key]] = defaultdict(set)
        self._new: set[Key] = set()

    def get(self, table: Table, key: Key) -> Row | None:
        """See `Rows.get`."""
        rows = self._rows[table]
        row = rows.get(key)
        if row is None and key not in rows:
            self.prefetch(table, (key,))
            row = rows[key]
        return None if row is None else dict(row)

    def put(self, table: Table, key: Key, row: Row) -> None:
        """See `Rows.put`."""
        self._rows[table][key] = row
        self._changed[table].add(key)

    def remove(self, table: Table, key: Key) -> None:
        """See `Rows.remove`."""
        self._rows[table][key] = None
        self._changed[table].add(key)

    def are_new(self, keys: Collection[Key]) -> None:
        """See `ViewTransaction.are_new`."""
        self._new.update(keys)

    def prefetch(self, table: Table, keys: Collection[Key]) -> None:
        """See `ViewTransaction.prefetch`."""
        rows = self._rows[table]
        missing = [key for key in keys if key not in rows]
        rows.update(dict.fromkeys(missing))
        for some in _batches(key for key in missing if key not in self._new):
            question = sa.select(table_of(table)).where(is_one_of(table, some))
            for row in self._connection.execute(question).mappings():
                rows[key_in(table, dict(row))] = dict(row)

    def replace(self, table: Table, rows: Mapping[Key, Row]) -> None:
        """See `ViewTransaction.replace`."""
        self._connection.execute(sa.delete(table_of(table)))
        for some in _batches(rows.values()):
            self._connection.execute(sa.insert(table_of(table)), list(map(_storable, some)))

    def positions(self) -> Mapping[str, int]:
        """See `ViewTransaction.positions`."""
        return read_positions(self._connection)

    def move(self, positions: Mapping[str, int]) -> None:
        """See `ViewTransaction.move`."""
        self._upsert(POSITIONS, [{"view": v, "position": p} for v, p in positions.items()])

    def write(self) -> None:
        """Write what was changed."""
        for table, keys in self._changed.items():
            rows = self._rows[table]
            for some in _batches(key for key in keys if rows[key] is None):
                self._connection.execute(sa.delete(table_of(table)).where(is_one_of(table, some)))
            for kept in _batches(row for key in keys if (row := rows[key]) is not None):
                self._upsert(table_of(table), list(map(_storable, kept)))

    def _upsert(self, table: sa.Table, rows: list[Row]) -> None:
        dialect = self._connection.dialect.name
        values: Any = {"rows": json.dumps(rows, default=str)} if dialect == "postgresql" else rows
        self._connection.execute(_upsert_into(table, dialect), values)


@cache
def _upsert_into(table: sa.Table, dialect: str) -> sa.TextClause:
    """Return the statement that writes rows whether or not they are there.

    It is text: SQLAlchemy would put its own words for it together again each time. PostgreSQL takes all rows
    as one value, which is faster than one by one.
    """
    sql = postgresql.dialect() if dialect == "postgresql" else sqlite.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy's
    quoted = {column.name: sql.identifier_preparer.quote(column.name) for column in table.columns}
    keys = [column.name for column in table.primary_key]
    columns = ", ".join(quoted.values())
    binds: list[sa.BindParameter[Any]] = []
    if dialect == "postgresql":
        kinds = ", ".join(f"{quoted[c.name]} {_kind(c).compile(sql)}" for c in table.columns)
        source = f"SELECT {columns} FROM json_to_recordset(CAST(:rows AS json)) AS new ({kinds})"  # noqa: S608 - names of ours
    else:
        binds = [sa.bindparam(column.name, type_=column.type) for column in table.columns]
        source = f"VALUES ({', '.join(f':{name}' for name in quoted)})"
    changes = ", ".join(f"{word} = excluded.{word}" for name, word in quoted.items() if name not in keys)
    return sa.text(
        f"INSERT INTO {table.name} ({columns}) {source} "
        f"ON CONFLICT ({', '.join(quoted[name] for name in keys)}) DO UPDATE SET {changes}"
    ).bindparams(*binds)


def _kind(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    """Return what a value is read as: a number with a fraction is rounded when it is stored, not refused."""
    return sa.Numeric() if isinstance(column.type, sa.Integer) else column.type


def read_positions(connection: sa.Connection) -> dict[str, int]:
    """Return how far each view has come."""
    rows = connection.execute(sa.select(POSITIONS.c.view, POSITIONS.c.position))
    return {view: position for view, position in rows if position is not None}


def _storable(row: Row) -> Row:
    """Return a row as every database takes it; events of older releases hold odd values, too."""
    return {name: _value(value) if isinstance(value, str | float) else value for name, value in row.items()}


def _value(value: str | float) -> str | float | None:
    """Spell out what is no text for a database, and leave out what is no number."""
    if isinstance(value, str):
        return str(plain_value(value))
    return value if math.isfinite(value) else None


def _batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    everything = list(values)
    for start in range(0, len(everything), _AT_ONCE):
        yield everything[start : start + _AT_ONCE]
