"""The table of events, as eventsourcing's recorders see it.

Table, columns and their types are those that ``eventsourcing_sqlalchemy`` made for BIOMERO 2. That library is
not used: it took five statements for an event and 1.5 seconds to import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from eventsourcing import persistence
from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent, Subscription
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from biomero.adapters.persistence.engine import in_memory, is_read_only, writes_soon
from biomero.adapters.persistence.lone_statements import LoneStatements

_LARGE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class OriginatorId(sa.types.TypeDecorator[UUID]):
    """An id as BIOMERO 2 stores it: PostgreSQL's own type, or 16 bytes."""

    impl = sa.BINARY
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Return the column's type in a database."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.UUID(as_uuid=True))
        return dialect.type_descriptor(sa.BINARY(16))

    def process_bind_param(self, value: UUID | None, dialect: sa.Dialect) -> object:
        """Return what the driver takes."""
        return value.bytes if value is not None and dialect.name != "postgresql" else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> UUID | None:  # noqa: ANN401, ARG002
        """Return what was stored."""
        return UUID(bytes=value) if isinstance(value, bytes) else value


def events_table(name: str) -> sa.Table:
    """Return the table of an application's events."""
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", _LARGE, primary_key=True, autoincrement=True),
        sa.Column("originator_id", OriginatorId, nullable=False),
        sa.Column("originator_version", _LARGE, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Index(f"{name}_aggregate_idx", "originator_id", "originator_version", unique=True),
    )


class EventRecorder(ApplicationRecorder):
    """Appends events and reads them; errors are those of eventsourcing.

    The order of positions is the order of commits, whoever writes: a follower that has seen a position will
    never find a smaller one that it has not seen.
    """

    def __init__(self, engine: sa.Engine, table: sa.Table) -> None:
        self.engine = engine
        self.table = table
        self._is_postgresql = engine.dialect.name == "postgresql"
        # a question that is a transaction of its own needs no words around it
        self._reading = (
            engine.execution_options(isolation_level="AUTOCOMMIT") if self._is_postgresql else engine
        )
        self._alone = LoneStatements(engine) if self._is_postgresql else None
        # the one connection of a database in memory has one transaction at a time
        self.turn: Any = Lock() if in_memory(engine.url) else nullcontext()

    def create_table(self) -> None:
        """Make the table if it is missing; errors are SQLAlchemy's own."""
        self.table.create(self.engine, checkfirst=True)

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        session: Session | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002 - what other recorders know
    ) -> Sequence[int]:
        """Append events, all or none; return their positions.

        Parameters
        ----------
        session
            The transaction to append in; without one it is a transaction of its own.
        """
        with library_errors():
            if session is not None:
                return self.append(session.connection(), stored_events)
            if self._alone is not None:
                rows = self._alone.ask(*self._append_all(stored_events)) if stored_events else []
                return [position for (position,) in rows]
            with self.turn, writes_soon(self.engine).begin() as connection:
                return self.append(connection, stored_events)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the events of one run or task."""
        columns = self.table.c
        version = columns.originator_version
        question = sa.select(version, columns.topic, columns.state).where(
            columns.originator_id == originator_id
        )
        if gt is not None:
            question = question.where(version > gt)
        if lte is not None:
            question = question.where(version <= lte)
        question = question.order_by(version.desc() if desc else version)
        if limit is not None:
            question = question.limit(limit)
        return [StoredEvent(originator_id, *row) for row in self._rows(question)]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return events in the order in which they were recorded."""
        columns = self.table.c
        question = sa.select(
            columns.originator_id, columns.originator_version, columns.topic, columns.state, columns.id
        )
        if start is not None:
            question = question.where(columns.id >= start if inclusive_of_start else columns.id > start)
        if stop is not None:
            question = question.where(columns.id <= stop)
        if topics:
            question = question.where(columns.topic.in_(topics))
        return [Notification(*row) for row in self._rows(question.order_by(columns.id).limit(limit))]

    def max_notification_id(self) -> int | None:
        """Return the newest position."""
        ((newest,),) = self._rows(sa.select(sa.func.max(self.table.c.id)))
        return None if newest is None else int(newest)

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Nobody is told of new events; followers ask."""
        raise NotImplementedError("ask for new events with select_notifications")

    def _rows(self, question: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with library_errors(), self.turn, self._reading.connect() as connection:
            return connection.execute(question).all()

    def append(self, connection: sa.Connection, events: Sequence[StoredEvent]) -> Sequence[int]:
        """Append events within a transaction, and return their positions; errors are SQLAlchemy's own."""
        if not events:
            return []
        if self._is_postgresql:
            return connection.exec_driver_sql(*self._append_all(events)).scalars().all()
        insert = sa.insert(self.table).returning(self.table.c.id)
        return [
            connection.execute(insert, dict(zip(_COLUMNS, _values(event), strict=True))).scalar_one()
            for event in events
        ]

    def _append_all(self, events: Sequence[StoredEvent]) -> tuple[str, tuple[object, ...]]:
        """Return PostgreSQL's statement that appends events, and its values."""
        rows = [_values(event) for event in events]
        if len(rows) == 1:
            return _APPEND_ONE.format(table=self.table.name), rows[0]
        return _APPEND.format(table=self.table.name), tuple(map(list, zip(*rows, strict=True)))


_COLUMNS = ("originator_id", "originator_version", "topic", "state")


def _values(event: StoredEvent) -> tuple[object, ...]:
    return event.originator_id, event.originator_version, event.topic, event.state


# Positions are given out after the lock is held, and it is held until the commit. Programs that lock the
# table itself (eventsourcing_sqlalchemy does) wait for this statement's lock on it, and this one for theirs.
_TURN = """
WITH turn AS MATERIALIZED (
  SELECT pg_advisory_xact_lock(CAST(CAST(CAST('{table}' AS regclass) AS oid) AS bigint))
)
INSERT INTO {table} (originator_id, originator_version, topic, state)
"""
_APPEND_ONE = (
    _TURN
    + """SELECT CAST(%s AS uuid), CAST(%s AS bigint), CAST(%s AS text), CAST(%s AS bytea)
FROM turn
RETURNING id
"""
)
_APPEND = (
    _TURN
    + """SELECT originator_id, originator_version, topic, state
FROM turn, unnest(
  CAST(%s AS uuid[]), CAST(%s AS bigint[]), CAST(%s AS text[]), CAST(%s AS bytea[])
) WITH ORDINALITY AS new (originator_id, originator_version, topic, state, place)
ORDER BY place
RETURNING id
"""
)


@contextmanager
def library_errors() -> Iterator[None]:
    """Turn SQLAlchemy's errors into those that eventsourcing's recorders raise."""
    try:
        yield
    except sa.exc.DBAPIError as exc:
        if is_read_only(exc):
            raise persistence.OperationalError(str(exc.orig)) from exc
        kind = getattr(persistence, type(exc).__name__, persistence.DatabaseError)
        raise kind(str(exc.orig)) from exc
    except sa.exc.SQLAlchemyError as exc:
        raise persistence.PersistenceError(str(exc)) from exc
