"""Queues of runs for tests, and runs to put into them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomero.application.ports.run_queue import (
    Claim,
    End,
    Limits,
    Pool,
    QueuedRun,
    QueueState,
    QueueView,
    RunQueue,
    WaitForJob,
    WorkerId,
)
from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.bootstrap import make_queue, open_tracking
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import JobRef
from biomero.domain.workflow_run import WorkflowRun

_PIDS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """A queue and the record beneath it."""

    tracking: Tracking
    queue: RunQueue

    @property
    def tracker(self) -> WorkflowTracker:
        assert isinstance(self.tracking.tracker, WorkflowTracker)
        return self.tracking.tracker

    def close(self) -> None:
        self.tracking.close()

    def run(self, run_id: RunId) -> WorkflowRun:
        return self.tracker.load(WorkflowRun, run_id)

    def place(self, run_id: RunId) -> QueueView:
        """Return a run as the queue holds it."""
        (found,) = (view for view in self.queue.view(limit=100_000) if view.run_id == run_id)
        return found

    def state(self, run_id: RunId) -> QueueState:
        return self.place(run_id).state

    def added(self, step: str = "prepare", pool: Pool = Pool.STAGE, **place: Any) -> RunId:
        """Put a new run into the queue."""
        run = new_run()
        self.queue.add(queued(run, step=step, pool=pool, **place), run)
        return run.run_id

    def claimed(self, worker: WorkerId, **place: Any) -> Claim:
        """Put a new run into the queue and claim it."""
        run_id = self.added(**place)
        (claim,) = self.queue.claim(worker, Limits(), only=[run_id])
        return claim

    def waits(self, worker: WorkerId, job_id: int = 7, **place: Any) -> tuple[RunId, JobRef]:
        """Put a new run into the queue for which a job works."""
        claim = self.claimed(worker, **place)
        job = job_of(claim.run_id, job_id)
        self.queue.move(claim, WaitForJob(job=job, step="judge", pool=Pool.FETCH))
        return claim.run_id, job


def open_queue(address: str, folder: Path, *, lease_s: float = 30.0) -> OpenQueue:
    """Open a queue in a database."""
    tracking = open_tracking(AnalyticsSettings(database_url=address), folder, follow_every_s=0.5)
    assert isinstance(tracking.tracker, WorkflowTracker)
    return OpenQueue(tracking, make_queue(tracking.tracker, lease_s=lease_s))


def a_worker(machine: str = "elsewhere") -> WorkerId:
    """Return a worker of its own on a machine that nobody can look into."""
    return WorkerId(host=f"{machine}/boot", pid=next(_PIDS), started=1)


def new_run() -> WorkflowRun:
    """Return a run that was accepted and is not stored yet."""
    run = WorkflowRun(name="nuclei", description="", user=None, group=None)
    run.accept({"images": [{"index": 0}]})
    return run


def queued(
    run: WorkflowRun,
    *,
    step: str = "prepare",
    pool: Pool = Pool.STAGE,
    cluster: str = "lisa",
    requester: str = "ada",
    host: str | None = None,
) -> QueuedRun:
    """Return a run's place."""
    return QueuedRun(run_id=run.run_id, step=step, pool=pool, cluster=cluster, requester=requester, host=host)


def job_of(run_id: RunId, job_id: int = 7) -> JobRef:
    """Return a job that works on a run."""
    return JobRef(key=JobKey(f"{run_id}-job"), job_id=SlurmJobId(job_id), folder=f"/data/{run_id}")


def ended(world: OpenQueue, worker: WorkerId) -> RunId:
    """Put a run into the queue that has ended well."""
    claim = world.claimed(worker)
    world.queue.move(claim, End(), lambda run: run.complete())
    return claim.run_id


def events_of(world: OpenQueue, run_id: RunId, kind: type) -> int:
    """Count the events of one kind that are stored of a run."""
    return sum(isinstance(e, kind) for e in world.tracker.events.get(world.run(run_id).id))
