"""The table of snapshots: what the events of a long run or task came to.

It can be thrown away at any time. BIOMERO 2 has no such table and does not look for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from eventsourcing.persistence import AggregateRecorder, StoredEvent

from biomero.adapters.persistence.engine import writes_soon
from biomero.adapters.persistence.event_recorder import OriginatorId, library_errors

SNAPSHOTS = sa.Table(
    "biomero_snapshot",
    sa.MetaData(),
    sa.Column("originator_id", OriginatorId, primary_key=True),
    sa.Column("originator_version", sa.BigInteger, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
)


class SnapshotRecorder(AggregateRecorder):
    """Keeps the newest snapshot of each run or task; errors are those of eventsourcing."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._is_made = False

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Put snapshots in the place of older ones."""
        with library_errors(), writes_soon(self._engine).begin() as connection:
            SNAPSHOTS.create(connection, checkfirst=True)
            for one in stored_events:
                mine = SNAPSHOTS.c.originator_id == one.originator_id
                connection.execute(sa.delete(SNAPSHOTS).where(mine))
                row = {name: getattr(one, name) for name in SNAPSHOTS.c.keys()}  # noqa: SIM118 - no mapping
                connection.execute(sa.insert(SNAPSHOTS), row)
        self._is_made = True

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,  # noqa: ARG002 - there is one
        lte: int | None = None,
        desc: bool = False,  # noqa: ARG002
        limit: int | None = None,  # noqa: ARG002
    ) -> Sequence[StoredEvent]:
        """Return the snapshot of a run or task, if there is one and it is not too new."""
        with library_errors(), self._engine.connect() as connection:
            if not self._is_made:
                self._is_made = sa.inspect(connection).has_table(SNAPSHOTS.name)
            if not self._is_made:
                return []
            found = connection.execute(
                sa.select(SNAPSHOTS).where(SNAPSHOTS.c.originator_id == originator_id)
            ).all()
        return [StoredEvent(*row) for row in found if lte is None or row.originator_version <= lte]
