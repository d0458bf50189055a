"""Rows in memory: where views are rebuilt, out of the way of those who read and write the tables."""

from __future__ import annotations

from collections import defaultdict

from biomero.application.ports.views import Key, Row, Table


class MemoryRows:
    """Rows of views that nobody else sees; see `Rows`."""

    def __init__(self) -> None:
        self.tables: dict[Table, dict[Key, Row]] = defaultdict(dict)

    def get(self, table: Table, key: Key) -> Row | None:
        """See `Rows.get`."""
        row = self.tables[table].get(key)
        return None if row is None else dict(row)

    def put(self, table: Table, key: Key, row: Row) -> None:
        """See `Rows.put`."""
        self.tables[table][key] = row

    def remove(self, table: Table, key: Key) -> None:
        """See `Rows.remove`."""
        self.tables[table].pop(key, None)
