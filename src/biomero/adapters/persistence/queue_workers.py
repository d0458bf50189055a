"""Who lives, and who does what only one may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from biomero.adapters.persistence.queue_holdings import Holdings
from biomero.adapters.persistence.queue_tables import AT_REST, HAS_WISH, LEADS, RUNS, WORKERS, state_is
from biomero.adapters.persistence.queue_transactions import QueueDatabase
from biomero.application.ports.run_queue import Pulse, QueueState, WorkerId, WorkerView
from biomero.domain.ids import RunId

IsGone = Callable[[WorkerId], bool]
"""Says whether a process is seen to be gone; ``False`` where that cannot be seen from here."""

_FORGOTTEN_S = 86_400
_CLOCKS_DIFFER_S = 60.0
"""How much later than now a moment may be that was stored before; statements may have waited."""


class QueueWorkers:
    """Keeps leases; see `RunQueue`. A worker has one lease, which all its claims share.

    Parameters
    ----------
    lease_s
        For how long a sign of life holds.
    """

    def __init__(
        self, database: QueueDatabase, holdings: Holdings, *, lease_s: float, is_gone: IsGone
    ) -> None:
        self._database = database
        self._holdings = holdings
        self._lease_s = lease_s
        self._is_gone = is_gone

    def enter(self, worker: WorkerId, *, version: str, drives_all: bool) -> None:
        """See `RunQueue.enter`."""

        def store(connection: sa.Connection) -> None:
            long_ago = WORKERS.c.until < self._database.now() - _FORGOTTEN_S
            connection.execute(sa.delete(WORKERS).where(long_ago))
            self.extend(connection, worker, version=version, drives_all=drives_all)

        self._database.write(store)

    def extend(self, connection: sa.Connection, worker: WorkerId, **news: object) -> None:
        """Extend a worker's lease; one that never entered is known from now on."""
        now = self._database.now()
        lease = {"seen_at": now, "until": now + self._lease_s}
        first = {"worker": str(worker), "version": "", "started_at": now, "drives_all": False}
        insert = self._insert(WORKERS).values({**first, **lease, **news})
        connection.execute(insert.on_conflict_do_update(index_elements=["worker"], set_={**lease, **news}))

    def pulse(self, worker: WorkerId) -> Pulse:
        """See `RunQueue.pulse`."""
        before = self._holdings.of(worker)

        def store(connection: sa.Connection) -> list[sa.Row[Any]]:
            self.extend(connection, worker)
            mine = sa.select(RUNS.c.run_id, RUNS.c.token, HAS_WISH).where(
                state_is(QueueState.CLAIMED), RUNS.c.owner == str(worker)
            )
            return list(connection.execute(mine))

        found = self._database.write(store)
        gone = self._holdings.gone(before, frozenset((str(i), token) for i, token, _ in found))
        return Pulse(
            lost=frozenset(RunId(run_id) for run_id, _ in gone),
            wanted=frozenset(RunId(str(run_id)) for run_id, _, has_wish in found if has_wish),
        )

    def note(self, worker: WorkerId, notes: Mapping[str, str]) -> None:
        """See `RunQueue.note`."""
        change = sa.update(WORKERS).where(WORKERS.c.worker == str(worker)).values(notes=dict(notes))
        self._database.write(lambda connection: connection.execute(change))

    def leave(self, worker: WorkerId) -> None:
        """See `RunQueue.leave`."""
        name = str(worker)

        def store(connection: sa.Connection) -> None:
            free(connection, sa.and_(state_is(QueueState.CLAIMED), RUNS.c.owner == name))
            connection.execute(sa.delete(LEADS).where(LEADS.c.worker == name))
            connection.execute(sa.delete(WORKERS).where(WORKERS.c.worker == name))

        self._database.write(store)
        self._holdings.forget(worker)

    def lead(self, what: str, worker: WorkerId) -> bool:
        """See `RunQueue.lead`."""
        name = str(worker)

        def store(connection: sa.Connection) -> bool:
            now = self._database.now()
            known = connection.execute(sa.select(LEADS.c.worker).where(LEADS.c.what == what)).scalar()
            free_now = sa.or_(
                LEADS.c.worker == name,
                LEADS.c.until <= now,
                LEADS.c.until > now + self._lease_s + _CLOCKS_DIFFER_S,
            )
            if known is not None and self._is_gone(_worker(known)):
                free_now = sa.or_(free_now, LEADS.c.worker == known)
            mine = {"worker": name, "until": now + self._lease_s}
            take = self._insert(LEADS).values({"what": what, **mine})
            take = take.on_conflict_do_update(index_elements=["what"], set_=mine, where=free_now)
            return connection.execute(take.returning(LEADS.c.what)).first() is not None

        return self._database.write(store)

    def workers(self) -> list[WorkerView]:
        """See `RunQueue.workers`."""
        claims = (
            sa.select(sa.func.count())
            .where(state_is(QueueState.CLAIMED), RUNS.c.owner == WORKERS.c.worker)
            .scalar_subquery()
        )
        question = (
            sa.select(WORKERS, claims.label("claims")).where(self._lives()).order_by(WORKERS.c.started_at)
        )
        return [
            WorkerView(
                worker=_worker(row.worker),
                version=row.version,
                started_at=moment(row.started_at),
                seen_at=moment(row.seen_at),
                claims=row.claims,
                drives_all=row.drives_all,
                notes=row.notes or {},
            )
            for row in self._database.read(lambda connection: connection.execute(question).all())
            if not self._is_gone(_worker(row.worker))
        ]

    def dead(self, connection: sa.Connection, *, asked_by: WorkerId) -> list[str]:
        """Return those who hold claims and do not live; whoever asks does, however long it was away."""
        owners = sa.select(RUNS.c.owner).where(state_is(QueueState.CLAIMED)).distinct().subquery()
        lives = sa.func.coalesce(self._lives(), sa.false())
        question = sa.select(owners.c.owner, lives).outerjoin(WORKERS, WORKERS.c.worker == owners.c.owner)
        return [
            owner
            for owner, is_alive in connection.execute(question)
            if owner != str(asked_by) and (not is_alive or self._is_gone(_worker(owner)))
        ]

    def _lives(self) -> sa.ColumnElement[bool]:
        """Return the condition that a worker's lease holds; a sign from the future is of a clock set back."""
        now = self._database.now()
        return sa.and_(WORKERS.c.until > now, WORKERS.c.seen_at < now + _CLOCKS_DIFFER_S)

    def _insert(self, table: sa.Table) -> Any:  # noqa: ANN401 - one of two types
        return (postgresql if self._database.is_postgresql else sqlite).insert(table)


def free(connection: sa.Connection, which: sa.ColumnElement[bool], *, have_died: bool = False) -> None:
    """Take claims away from whoever has them; runs that somebody is storing something of are left out.

    Parameters
    ----------
    have_died
        Their workers died over them, which is counted.
    """
    some = sa.select(RUNS.c.run_id).where(which).order_by(RUNS.c.run_id).with_for_update(skip_locked=True)
    ids = list(connection.execute(some).scalars())
    if ids:
        rest = sa.update(RUNS).where(RUNS.c.run_id.in_(ids), which).values(state=AT_REST, owner="")
        if have_died:
            rest = rest.values(crashes=RUNS.c.crashes + 1)
        connection.execute(rest)


def moment(seconds: float) -> datetime:
    """Return a moment as people and Python count it."""
    return datetime.fromtimestamp(seconds, UTC)


def _worker(text: str) -> WorkerId:
    """Read what `WorkerId` says of itself."""
    host, pid, started = text.rsplit("|", 2)
    return WorkerId(host=host, pid=int(pid), started=int(started))
