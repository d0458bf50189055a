"""Steps that are due are given out: few statements, whatever waits."""

from __future__ import annotations

from collections.abc import Collection
from threading import Lock
from uuid import UUID

import sqlalchemy as sa

from biomero.adapters.persistence.queue_fairness import Busy, Group, share
from biomero.adapters.persistence.queue_holdings import Held, Holdings
from biomero.adapters.persistence.queue_tables import (
    HAS_WISH,
    IS_CONVERSION,
    IS_SUSPECT,
    RUNS,
    SUSPICION,
    state_is,
)
from biomero.adapters.persistence.queue_transactions import QueueDatabase
from biomero.adapters.persistence.queue_workers import QueueWorkers, free
from biomero.application.ports.run_queue import LONGEST_PAUSE_S, Claim, Limits, Pool, QueueState, WorkerId
from biomero.domain.ids import RunId

_Kinds = tuple[sa.ColumnElement[bool], ...]
"""What else tells runs apart: whether they are about a conversion, or nothing where no limit asks for it."""

_LOCK = 0x62696F71756575  # whoever counts what is given out, and gives out, holds it on PostgreSQL


class QueueClaims:
    """Gives out claims; see `RunQueue.claim`."""

    def __init__(self, database: QueueDatabase, holdings: Holdings, workers: QueueWorkers) -> None:
        self._database = database
        self._holdings = holdings
        self._workers = workers
        self._claiming = Lock()

    def claim(
        self, worker: WorkerId, limits: Limits, *, most: int = 20, only: Collection[RunId] | None = None
    ) -> list[Claim]:
        """See `RunQueue.claim`."""
        # one thread at a time, so that what was given out is known here before the next one looks
        with self._claiming:
            held = self._holdings.of(worker)
            wanted = self._wanted(worker, only)
            if most < 1 or not self._database.read(lambda c: self._is_worth_it(c, worker, held, wanted)):
                return []

            def give(connection: sa.Connection) -> list[Claim]:
                self._free(connection, worker, held)
                kinds: _Kinds = () if limits.conversions is None else (IS_CONVERSION,)
                due = sa.and_(wanted, self._is_due())
                groups = _groups(connection, due, kinds)
                has_suspect = _has_suspect(connection, worker)
                shares = share(groups, _busy(connection, kinds), limits, most, has_suspect=has_suspect)
                chosen = [
                    run_id
                    for group, count in shares.items()
                    for run_id in _oldest(connection, group, count, due, kinds)
                ]
                return self._give(connection, worker, chosen)

            claims = self._database.write(give)
            self._holdings.take(worker, claims)
            return claims

    def _wanted(self, worker: WorkerId, only: Collection[RunId] | None) -> sa.ColumnElement[bool]:
        machine = worker.host.partition("/")[0]
        wanted = [state_is(QueueState.READY), sa.or_(RUNS.c.host.is_(None), RUNS.c.host == machine)]
        if only is not None:
            wanted.append(RUNS.c.run_id.in_([UUID(run_id) for run_id in only]))
        return sa.and_(*wanted)

    def _is_due(self) -> sa.ColumnElement[bool]:
        """Return the condition that a run is due; see `LONGEST_PAUSE_S` for moments far away."""
        now = self._database.now()
        return sa.or_(RUNS.c.due <= now, RUNS.c.due > now + LONGEST_PAUSE_S)

    def _is_worth_it(
        self,
        connection: sa.Connection,
        worker: WorkerId,
        held: frozenset[Held],
        wanted: sa.ColumnElement[bool],
    ) -> bool:
        """Look, without a lock, whether there is anything to give out or to take away."""
        due = sa.select(sa.literal(1)).where(wanted, self._is_due()).limit(1)
        return (
            connection.execute(due).first() is not None
            or bool(self._workers.dead(connection, asked_by=worker))
            or bool(_unknown(connection, worker, held))
        )

    def _free(self, connection: sa.Connection, worker: WorkerId, held: frozenset[Held]) -> None:
        """Take away, before anything is counted, what the dead hold, and what nobody heard of."""
        if self._database.is_postgresql:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        for owner in self._workers.dead(connection, asked_by=worker):
            free(connection, sa.and_(state_is(QueueState.CLAIMED), RUNS.c.owner == owner), have_died=True)
        for run_id, token in _unknown(connection, worker, held):
            mine = sa.and_(RUNS.c.run_id == UUID(run_id), RUNS.c.token == token)
            free(connection, sa.and_(state_is(QueueState.CLAIMED), mine))

    def _give(self, connection: sa.Connection, worker: WorkerId, chosen: list[UUID]) -> list[Claim]:
        if not chosen:
            return []
        self._workers.extend(connection, worker)
        values = {"state": QueueState.CLAIMED.value, "owner": str(worker), "token": RUNS.c.token + 1}
        taken = sa.update(RUNS).where(RUNS.c.run_id.in_(chosen)).values(values).returning(*_CLAIM)
        claims = {row.run_id: _claim(row) for row in connection.execute(taken)}
        return [claims[run_id] for run_id in chosen]


_CLAIM = tuple(
    RUNS.c[n]
    for n in (
        *("run_id", "step", "pool", "token", "attempt", "crashes"),
        *("cluster", "requester", "cancel", "pause"),
    )
)


def _claim(row: sa.Row[tuple[object, ...]]) -> Claim:
    return Claim(
        run_id=RunId(str(row.run_id)),
        step=row.step,
        pool=Pool(row.pool),
        token=row.token,
        attempt=row.attempt,
        cluster=row.cluster,
        requester=row.requester,
        cancel_requested=row.cancel,
        pause_requested=row.pause,
        crashes=row.crashes,
    )


def _unknown(connection: sa.Connection, worker: WorkerId, held: frozenset[Held]) -> list[Held]:
    """Return claims that were given to a worker who never heard of it: the connection broke meanwhile."""
    mine = sa.select(RUNS.c.run_id, RUNS.c.token).where(
        state_is(QueueState.CLAIMED), RUNS.c.owner == str(worker)
    )
    there = [(str(run_id), token) for run_id, token in connection.execute(mine)]
    return [one for one in there if one not in held]


def _has_suspect(connection: sa.Connection, worker: WorkerId) -> bool:
    mine = sa.select(sa.literal(1)).where(
        state_is(QueueState.CLAIMED), RUNS.c.owner == str(worker), IS_SUSPECT
    )
    return connection.execute(mine.limit(1)).first() is not None


def _groups(connection: sa.Connection, due: sa.ColumnElement[bool], kinds: _Kinds) -> list[Group]:
    """Return what is due, counted."""
    by = (RUNS.c.pool, RUNS.c.cluster, RUNS.c.requester, HAS_WISH, SUSPICION)
    question = sa.select(*by, sa.func.count(), sa.func.min(RUNS.c.due), *kinds).where(due)
    return [
        Group(
            pool=Pool(pool),
            cluster=cluster,
            requester=who,
            has_wish=bool(wish),
            crashes=crashes,
            is_conversion=any(kind),
            count=count,
            since=since,
        )
        for pool, cluster, who, wish, crashes, count, since, *kind in connection.execute(
            question.group_by(*by, *kinds)
        )
    ]


def _busy(connection: sa.Connection, kinds: _Kinds) -> Busy:
    """Count claims, and runs whose jobs are at a cluster."""
    by_claims = (RUNS.c.pool, RUNS.c.cluster, RUNS.c.requester)
    claims = sa.select(*by_claims, sa.func.count(), *kinds).where(state_is(QueueState.CLAIMED))
    by_jobs = (RUNS.c.cluster, RUNS.c.requester)
    jobs = sa.select(*by_jobs, sa.func.count(), *kinds).where(state_is(QueueState.WAITING))
    busy = Busy()
    for pool, cluster, who, count, *kind in connection.execute(claims.group_by(*by_claims, *kinds)):
        busy.add_claims(Pool(pool), cluster, who, count, is_conversion=any(kind))
    for cluster, who, count, *kind in connection.execute(jobs.group_by(*by_jobs, *kinds)):
        busy.add_jobs(cluster, who, count, is_conversion=any(kind))
    return busy


def _oldest(
    connection: sa.Connection, group: Group, count: int, due: sa.ColumnElement[bool], kinds: _Kinds
) -> list[UUID]:
    question = (
        sa.select(RUNS.c.run_id)
        .where(
            due,
            RUNS.c.pool == group.pool.value,
            RUNS.c.cluster == group.cluster,
            RUNS.c.requester == group.requester,
            HAS_WISH if group.has_wish else sa.not_(HAS_WISH),
            sa.literal(group.crashes) == SUSPICION,
            *(kind if group.is_conversion else sa.not_(kind) for kind in kinds),
        )
        .order_by(RUNS.c.added)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    return list(connection.execute(question).scalars())
