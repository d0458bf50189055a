"""What looks at a cluster say of the runs whose jobs are there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from biomero.adapters.persistence.queue_tables import NO_JOB, RUNS, state_is
from biomero.adapters.persistence.queue_transactions import QueueDatabase, VersionTakenError
from biomero.adapters.persistence.queue_workers import moment
from biomero.application.ports.run_queue import JobNews, QueueState, WaitingRun
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import JobRef
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import RecordError

_AT_ONCE = 200
_ATTEMPTS = 20
_log = logging.getLogger(__name__)


class QueueNews:
    """Lists runs that wait, and takes news of them; see `RunQueue`."""

    def __init__(self, database: QueueDatabase) -> None:
        self._database = database

    def waiting(self, cluster: str) -> Sequence[WaitingRun]:
        """See `RunQueue.waiting`."""
        question = sa.select(*_WAITING).where(state_is(QueueState.WAITING), RUNS.c.cluster == cluster)
        return [_waiting(row) for row in self._database.read(lambda c: c.execute(question).all())]

    def count_waiting(self, cluster: str) -> int:
        """See `RunQueue.count_waiting`."""
        is_there = (state_is(QueueState.WAITING), RUNS.c.cluster == cluster)
        question = sa.select(sa.func.count()).select_from(RUNS).where(*is_there)
        return int(self._database.read(lambda c: c.execute(question).scalar_one()))

    def tell(self, news: Sequence[JobNews]) -> None:
        """See `RunQueue.tell`."""
        # ends first: when all that wait have a new reason to, that takes a while
        newest = sorted({one.run_id: one for one in news}.values(), key=lambda one: not one.is_over)
        for start in range(0, len(newest), _AT_ONCE):
            some = newest[start : start + _AT_ONCE]
            if not self._is_told(some):
                for one in some:
                    self._tell_one(one)

    def _tell_one(self, one: JobNews) -> None:
        for _ in range(_ATTEMPTS):
            if self._is_told([one]):
                return
        _log.error("run %s: what its job does is not recorded now; the next look says it again", one.run_id)

    def _is_told(self, news: Sequence[JobNews]) -> bool:
        """Store news together; say whether nobody else changed one of the runs meanwhile."""
        runs = {one.run_id: run for one in news if (run := self._decided(one)) is not None}
        try:
            kept = self._database.write(lambda connection: self._store(connection, news, runs))
        except VersionTakenError:
            return False
        self._database.committed([run for run_id, run in runs.items() if run_id in kept])
        return True

    def _decided(self, news: JobNews) -> WorkflowRun | None:
        """Let the run decide; one that cannot stays as it is, and its next step shows why."""
        if news.decide is None:
            return None
        try:
            run = self._database.load(news.run_id)
            news.decide(run)
        except RecordError as exc:
            if exc.transient:
                raise
            _log.exception("run %s: what its job does cannot be recorded", news.run_id)
        except Exception:  # noqa: BLE001 - one odd run shall not stop all others
            _log.exception("run %s: what its job does cannot be recorded", news.run_id)
        else:
            return run
        return None

    def _store(
        self, connection: sa.Connection, news: Sequence[JobNews], runs: dict[RunId, WorkflowRun]
    ) -> set[RunId]:
        """Write rows and events of the runs that still wait for that very job; return which."""
        ids = [UUID(one.run_id) for one in news]
        question = (
            sa.select(RUNS.c.run_id, RUNS.c.job_key, RUNS.c.job_id)
            .where(RUNS.c.run_id.in_(ids), state_is(QueueState.WAITING))
            .order_by(RUNS.c.run_id)
            .with_for_update()
        )
        waiting = {RunId(str(i)): (key, job_id) for i, key, job_id in connection.execute(question)}
        kept = [one for one in news if waiting.get(one.run_id) == (one.job.key, one.job.job_id)]
        here = sa.update(RUNS).where(RUNS.c.run_id == sa.bindparam("id"))
        going = [_going(one) for one in kept if not one.is_over]
        if going:
            told: dict[str, sa.ColumnElement[Any]] = {
                "seen": sa.bindparam("what"),
                "unknown_looks": sa.bindparam("looks"),
            }
            connection.execute(here.values(told), going)
        over = [UUID(one.run_id) for one in kept if one.is_over]
        if over:
            ready = {"state": QueueState.READY.value, "due": self._database.now(), **NO_JOB}
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id.in_(over)).values(ready))
        self._database.append(connection, [runs[one.run_id] for one in kept if one.run_id in runs])
        return {one.run_id for one in kept}


_WAITING = tuple(
    RUNS.c[n]
    for n in (
        *("run_id", "job_key", "job_id", "job_folder", "job_tasks"),
        *("since", "seen", "unknown_looks", "host"),
    )
)


def _waiting(row: sa.Row[Any]) -> WaitingRun:
    job = JobRef(
        key=JobKey(row.job_key),
        job_id=SlurmJobId(row.job_id),
        folder=row.job_folder,
        array_size=row.job_tasks,
    )
    return WaitingRun(
        run_id=RunId(str(row.run_id)),
        job=job,
        since=moment(row.since),
        seen=row.seen,
        unknown_looks=row.unknown_looks,
        host=row.host,
    )


def _going(news: JobNews) -> dict[str, object]:
    return {"id": UUID(news.run_id), "what": news.seen, "looks": news.unknown_looks}
