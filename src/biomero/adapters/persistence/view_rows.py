"""Rows of views within one transaction: read when wanted, written together at its end."""

from __future__ import annotations

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
        self._rows: dict[tuple[Table, Key], Row | None] = {}
        self._changed: set[tuple[Table, Key]] = set()

    def get(self, table: Table, key: Key) -> Row | None:
        """See `Rows.get`."""
        if (table, key) not in self._rows:
            self.prefetch(table, (key,))
        row = self._rows[table, key]
        return None if row is None else dict(row)

    def put(self, table: Table, key: Key, row: Row) -> None:
        """See `Rows.put`."""
        self._rows[table, key] = _storable(row)
        self._changed.add((table, key))

    def remove(self, table: Table, key: Key) -> None:
        """See `Rows.remove`."""
        self._rows[table, key] = None
        self._changed.add((table, key))

    def prefetch(self, table: Table, keys: Collection[Key]) -> None:
        """See `ViewTransaction.prefetch`."""
        missing = [key for key in keys if (table, key) not in self._rows]
        for some in _batches(missing):
            self._rows.update(((table, key), None) for key in some)
            question = sa.select(table_of(table)).where(is_one_of(table, some))
            for row in self._connection.execute(question).mappings():
                self._rows[table, key_in(table, dict(row))] = dict(row)

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
        for table in Table:
            changed = [key for kind, key in self._changed if kind is table]
            gone = [key for key in changed if self._rows[table, key] is None]
            kept = [row for key in changed if (row := self._rows[table, key]) is not None]
            for some in _batches(gone):
                self._connection.execute(sa.delete(table_of(table)).where(is_one_of(table, some)))
            for rows in _batches(kept):
                self._upsert(table_of(table), rows)

    def _upsert(self, table: sa.Table, rows: list[Row]) -> None:
        self._connection.execute(_upsert_into(table, self._connection.dialect.name), rows)


@cache
def _upsert_into(table: sa.Table, dialect: str) -> sa.Insert:
    """Return the statement that writes rows whether or not they are there; it takes long to make."""
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    keys = [column.name for column in table.primary_key]
    columns = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in keys}
    made: sa.Insert = insert.on_conflict_do_update(index_elements=keys, set_=columns)
    return made


def read_positions(connection: sa.Connection) -> dict[str, int]:
    """Return how far each view has come."""
    rows = connection.execute(sa.select(POSITIONS.c.view, POSITIONS.c.position))
    return {view: position for view, position in rows if position is not None}


def _storable(row: Row) -> Row:
    """Spell out what is no text for a database; events of older releases hold such, too."""
    return {name: plain_value(v) if isinstance(v, str) else v for name, v in row.items()}


def _batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    everything = list(values)
    for start in range(0, len(everything), _AT_ONCE):
        yield everything[start : start + _AT_ONCE]
