"""Notices that people get, in the database of the record; see `Outbox`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

import sqlalchemy as sa

from biomero.adapters.persistence.engine import database_errors, writes_soon
from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.outbox_tables import GIVEN_UP, NOTICE_POSITIONS, NOTICES, SENT, WAITS
from biomero.adapters.persistence.schema import ensure_schema
from biomero.application.ports.notifier import Notice, PendingNotice

_NAME = "notices"
_KEPT = timedelta(days=30)
_FAR_AWAY = timedelta(hours=2)
"""No notice is put off for so long: a moment further away was stored before the clock was set back."""


class SqlOutbox:
    """See `Outbox`."""

    def __init__(self, factory: Factory) -> None:
        self._url = factory.url
        self._engine = factory.engine
        self._is_made = False
        self._making = Lock()

    def position(self) -> int | None:
        """See `Outbox.position`."""
        question = sa.select(NOTICE_POSITIONS.c.position).where(NOTICE_POSITIONS.c.name == _NAME)
        with self._transaction(writes=False) as connection:
            found: int | None = connection.execute(question).scalar_one_or_none()
        return found

    def intend(self, notices: Sequence[PendingNotice], *, position: int) -> None:
        """See `Outbox.intend`."""
        with self._transaction() as connection:
            for pending in notices:
                self._add(connection, pending)
            here = NOTICE_POSITIONS.c.name == _NAME
            changed = connection.execute(sa.update(NOTICE_POSITIONS).where(here).values(position=position))
            if not changed.rowcount:
                connection.execute(sa.insert(NOTICE_POSITIONS).values(name=_NAME, position=position))

    def due(self, now: datetime, *, limit: int) -> list[PendingNotice]:
        """See `Outbox.due`."""
        question = (
            sa.select(NOTICES).where(*_is_free(now)).order_by(NOTICES.c.due, NOTICES.c.notice_id).limit(limit)
        )
        with self._transaction(writes=False) as connection:
            return [_pending(row) for row in connection.execute(question)]

    def take(self, pending: PendingNotice, now: datetime, until: datetime) -> bool:
        """See `Outbox.take`."""
        return self._update(
            (*_is(pending), *_is_free(now), NOTICES.c.attempts == pending.attempts),
            attempts=pending.attempts + 1,
            due=_stored(until),
        )

    def sent(self, pending: PendingNotice, now: datetime) -> None:
        """See `Outbox.sent`."""
        self._update(_is(pending), state=SENT, due=_stored(now), problem="")
        self._forget(now)

    def later(self, pending: PendingNotice, due: datetime, why: str) -> None:
        """See `Outbox.later`."""
        self._update(_is_taken(pending), due=_stored(due), problem=why)

    def give_up(self, pending: PendingNotice, now: datetime, why: str) -> None:
        """See `Outbox.give_up`."""
        self._update(_is_taken(pending), state=GIVEN_UP, due=_stored(now), problem=why)
        self._forget(now)

    def _add(self, connection: sa.Connection, pending: PendingNotice) -> None:
        if connection.execute(sa.select(NOTICES.c.state).where(*_is(pending))).first() is not None:
            return
        notice = pending.notice
        connection.execute(
            sa.insert(NOTICES).values(
                notice_id=notice.id,
                channel=pending.channel,
                run_id=notice.run_id,
                status=notice.status,
                at=_stored(notice.at),
                facts=dict(notice.facts),
                state=WAITS,
                attempts=0,
                due=_stored(notice.at),
                problem="",
            )
        )

    def _forget(self, now: datetime) -> None:
        """Delete what was settled long ago: nobody makes a notice again of what is older than a day."""
        is_settled = NOTICES.c.state.in_([SENT, GIVEN_UP])
        with self._transaction() as connection:
            long_ago = NOTICES.c.due < _stored(now - _KEPT)
            connection.execute(sa.delete(NOTICES).where(is_settled, long_ago))

    def _update(self, where: Sequence[sa.ColumnElement[bool]], **values: object) -> bool:
        with self._transaction() as connection:
            return bool(connection.execute(sa.update(NOTICES).where(*where).values(**values)).rowcount)

    @contextmanager
    def _transaction(self, *, writes: bool = True) -> Iterator[sa.Connection]:
        with self._making:
            if not self._is_made:
                ensure_schema(self._engine, self._url)
                self._is_made = True
        engine = writes_soon(self._engine) if writes else self._engine
        with database_errors(self._url), engine.begin() as connection:
            yield connection


def _is(pending: PendingNotice) -> tuple[sa.ColumnElement[bool], ...]:
    return (NOTICES.c.notice_id == pending.notice.id, NOTICES.c.channel == pending.channel)


def _is_free(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    has_come = sa.or_(NOTICES.c.due <= _stored(now), NOTICES.c.due > _stored(now + _FAR_AWAY))
    return (NOTICES.c.state == WAITS, has_come)


def _is_taken(pending: PendingNotice) -> tuple[sa.ColumnElement[bool], ...]:
    # each who takes it counts: a higher number is somebody else's
    return (*_is(pending), NOTICES.c.state == WAITS, NOTICES.c.attempts == pending.attempts + 1)


def _stored(moment: datetime) -> datetime:
    # SQLite keeps no zone: all moments are UTC
    return moment.astimezone(UTC)


def _pending(row: sa.Row[tuple[object, ...]]) -> PendingNotice:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name
    at: datetime = found["at"]
    return PendingNotice(
        notice=Notice(
            id=found["notice_id"],
            run_id=found["run_id"],
            status=found["status"],
            at=at if at.tzinfo is not None else at.replace(tzinfo=UTC),
            facts=found["facts"],
        ),
        channel=found["channel"],
        attempts=found["attempts"],
    )
