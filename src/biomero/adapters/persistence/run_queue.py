"""The queue of runs in SQL; see `RunQueue`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from biomero.adapters.persistence.queue_changes import QueueChanges
from biomero.adapters.persistence.queue_claims import QueueClaims
from biomero.adapters.persistence.queue_holdings import Holdings
from biomero.adapters.persistence.queue_news import QueueNews
from biomero.adapters.persistence.queue_rebuild import QueueRebuild
from biomero.adapters.persistence.queue_tables import HAS_NOT_ENDED, IS_CONVERSION, RUNS, state_is
from biomero.adapters.persistence.queue_transactions import QueueDatabase
from biomero.adapters.persistence.queue_workers import IsGone, QueueWorkers, moment
from biomero.application.ports.run_queue import AtWork, Pool, QueuedRun, QueueState, QueueView
from biomero.application.tracking import WorkflowTracker
from biomero.domain.ids import RunId
from biomero.domain.workflow_run import WorkflowRun

_AT_ONCE = 500
LEASE_S = 30.0
"""For how long a sign of life holds; six times as long as workers wait between two."""


class SqlRunQueue:
    """Keeps the queue in the database of the record, on the tracker's connections.

    Nothing is asked before it is needed. Its methods are those of its parts, one part a concern.

    Parameters
    ----------
    lease_s
        For how long a sign of life of a worker holds.
    is_gone
        Says whether a process is seen to be gone.
    """

    def __init__(
        self,
        tracker: WorkflowTracker,
        *,
        lease_s: float = LEASE_S,
        is_gone: IsGone = lambda _: False,
    ) -> None:
        self._database = database = QueueDatabase(tracker)
        holdings = Holdings()
        changes = QueueChanges(database, holdings)
        workers = QueueWorkers(database, holdings, lease_s=lease_s, is_gone=is_gone)
        news = QueueNews(database)
        self._rebuild = QueueRebuild(database)
        self.claim = QueueClaims(database, holdings, workers).claim
        self.add, self.change, self.move = changes.add, changes.change, changes.move
        self.put_off, self.request, self.restart = changes.put_off, changes.request, changes.restart
        self.enter, self.pulse, self.leave = workers.enter, workers.pulse, workers.leave
        self.lead, self.workers, self.note = workers.lead, workers.workers, workers.note
        self.waiting, self.count_waiting, self.tell = news.waiting, news.count_waiting, news.tell

    def view(self, *, states: Collection[QueueState] | None = None, limit: int = 1000) -> list[QueueView]:
        """See `RunQueue.view`."""
        question = sa.select(RUNS).order_by(RUNS.c.added, RUNS.c.run_id).limit(limit)
        if states is not None:
            question = question.where(state_is(*states))
        rows = self._database.read(lambda connection: connection.execute(question).all())
        return [_seen(row) for row in rows]

    def find(self, run_id: RunId) -> QueueView | None:
        """See `RunQueue.find`."""
        question = sa.select(RUNS).where(RUNS.c.run_id == UUID(run_id))
        row = self._database.read(lambda connection: connection.execute(question).first())
        return None if row is None else _seen(row)

    def still_going(self, run_ids: Collection[RunId]) -> frozenset[RunId]:
        """See `RunQueue.still_going`."""
        ids = [UUID(run_id) for run_id in run_ids]
        stops = [QueueState.ENDED.value, QueueState.PAUSED.value]
        question = sa.select(RUNS.c.run_id).where(RUNS.c.state.not_in(stops))
        found: set[RunId] = set()
        for start in range(0, len(ids), _AT_ONCE):
            some = question.where(RUNS.c.run_id.in_(ids[start : start + _AT_ONCE]))
            rows = self._database.read(lambda connection, some=some: connection.execute(some).scalars().all())  # type: ignore[misc] # mypy does not know the default's type
            found.update(RunId(str(run_id)) for run_id in rows)
        return frozenset(found)

    def counts(self) -> Mapping[tuple[str, QueueState, str], int]:
        """See `RunQueue.counts`."""
        by = (RUNS.c.cluster, RUNS.c.state, RUNS.c.step)
        question = sa.select(*by, sa.func.count()).where(HAS_NOT_ENDED).group_by(*by)
        rows = self._database.read(lambda connection: connection.execute(question).all())
        return {(cluster, QueueState(state), step): count for cluster, state, step, count in rows}

    def at_work(self) -> Sequence[AtWork]:
        """See `RunQueue.at_work`."""
        by = (RUNS.c.cluster, RUNS.c.requester, IS_CONVERSION)
        claims = sa.select(RUNS.c.pool, *by, sa.func.count()).where(state_is(QueueState.CLAIMED))
        jobs = sa.select(sa.null(), *by, sa.func.count()).where(state_is(QueueState.WAITING))
        question = claims.group_by(RUNS.c.pool, *by).union_all(jobs.group_by(*by))
        rows = self._database.read(lambda connection: connection.execute(question).all())
        return [
            AtWork(
                pool=pool and Pool(pool),
                cluster=cluster,
                requester=requester,
                count=count,
                is_conversion=bool(is_conversion),
            )
            for pool, cluster, requester, is_conversion, count in rows
        ]

    def rebuild(self, place: Callable[[WorkflowRun], QueuedRun | None]) -> int:
        """See `RunQueue.rebuild`."""
        return self._rebuild.rebuild(place)


def _seen(row: sa.Row[Any]) -> QueueView:
    return QueueView(
        run_id=RunId(str(row.run_id)),
        state=QueueState(row.state),
        step=row.step,
        cluster=row.cluster,
        requester=row.requester,
        due=moment(row.due),
        attempt=row.attempt,
        owner=row.owner,
    )
