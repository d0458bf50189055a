"""Step: the end of a run that somebody no longer wants."""

from __future__ import annotations

import logging

from biomero.application.engine import names
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.fetch import fetch_logs
from biomero.application.engine.jobs import all_jobs, job_fields, open_jobs, record_report
from biomero.application.engine.place import on_to
from biomero.application.engine.signals import WorkerStops
from biomero.application.log_fields import add_log_fields
from biomero.domain.job import JobRef
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ClusterError, JobNotEndedError

_LOG = logging.getLogger(__name__)

_LAST_LOOKS = 20
_LAST_PAUSE_S = 1.0


def cancel_run_now(context: StepContext) -> StepEnd:
    """End the run's jobs, also those of which nobody heard whether they were submitted, and then the run.

    Raises
    ------
    ClusterError
        If the jobs cannot be cancelled now, or have not ended after a while: then they are cancelled once
        more. The run is open as before; the wish stands, however long that takes.
    """
    jobs = all_jobs(context) if context.run.jobs else []
    if jobs:
        add_log_fields(**job_fields(context.run_id, *open_jobs(context)))
        context.cluster.scheduler.cancel(jobs)
        _await_end(context, [job for job in jobs if job.job_id])
        try:
            fetch_logs(context)
        except ClusterError as exc:  # the jobs have ended; what they said is a bonus
            _LOG.warning("run %s: the logs of its jobs could not be fetched: %s", context.run_id, exc)
    return StepEnd(move=on_to(names.TIDY), decide=WorkflowRun.cancel)


def _await_end(context: StepContext, jobs: list[JobRef]) -> None:
    """Look until the jobs have ended, for a while."""
    for _ in range(_LAST_LOOKS):
        reports = context.cluster.scheduler.report(jobs) if jobs else {}
        for job in jobs:
            if job.job_id in reports:
                record_report(context, job.key, reports[job.job_id])
        jobs = [job for job in jobs if job.job_id in reports and not reports[job.job_id].is_final]
        if not jobs:
            return
        if context.signals.stopping.wait(0):
            raise WorkerStops(f"the worker stops; run {context.run_id} is cancelled later")
        context.services.clock.sleep(_LAST_PAUSE_S)
    names_of = ", ".join(str(job.job_id) for job in jobs)
    raise JobNotEndedError(f"told to end, and not ended yet: job {names_of}")
