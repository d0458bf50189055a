"""Use case: watch how a run gets on that another process drives."""

from __future__ import annotations

from collections.abc import Callable

from biomero.application.engine.look import update_of
from biomero.application.ports.progress import ProgressListener, RunUpdate
from biomero.application.ports.run_queue import QueueState, WorkerView
from biomero.application.record_json import task_from_json
from biomero.application.services import Services
from biomero.application.why_waiting import why_waiting
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import JobReport
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun

_LOOK_S = 0.5
_AT_JOBS = frozenset({RunStatus.CONVERTING, RunStatus.QUEUED, RunStatus.RUNNING})


def living_driver(services: Services) -> WorkerView | None:
    """Return a worker of this machine that drives everybody's runs, if one lives."""
    machine = services.worker.host.partition("/")[0]
    return next(
        (
            view
            for view in services.queue.workers()
            if view.drives_all
            and view.worker != services.worker
            and view.worker.host.partition("/")[0] == machine
        ),
        None,
    )


def follow_run(
    run_id: RunId,
    services: Services,
    listener: ProgressListener,
    *,
    is_enough: Callable[[], bool] = lambda: False,
) -> bool:
    """Show how a run gets on, until it has ended or is paused; say whether it has come to that.

    Parameters
    ----------
    is_enough
        Says when to follow it no longer.
    """
    shown: RunUpdate | None = None
    while True:
        place = services.queue.find(run_id)
        run = services.record.get(run_id)
        why = why_waiting(run, services.queue)
        update = update_from(run) if why is None else RunUpdate(status=run.status, message=why)
        if update != shown:
            listener.show(update)
            shown = update
        if place is None or place.state in {QueueState.ENDED, QueueState.PAUSED}:
            return True
        if is_enough():
            return False
        services.clock.sleep(_LOOK_S)


def update_from(run: WorkflowRun) -> RunUpdate:
    """Return what a person is shown of a run, from its record alone."""
    jobs = [job for job in run.jobs.values() if job["job"] is not None and job["tasks"]]
    if run.status not in _AT_JOBS or not jobs:
        return RunUpdate(status=run.status)
    job = jobs[-1]
    report = JobReport(
        job_id=SlurmJobId(job["job"]["job_id"]), tasks=tuple(task_from_json(t) for t in job["tasks"])
    )
    return update_of(run.run_id, JobKey(job["key"]), report)
