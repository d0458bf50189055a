"""Step: the end of a run that somebody no longer wants."""

from __future__ import annotations

import logging

from biomero.application.engine import names
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.fetch import fetch_logs
from biomero.application.engine.jobs import all_jobs, record_report
from biomero.application.engine.place import on_to
from biomero.application.ports.run_queue import TryAgain
from biomero.domain.job import JobRef
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ClusterError

_LOG = logging.getLogger(__name__)

_LAST_LOOKS = 20
_LAST_PAUSE_S = 1.0
_TRIES = 3


def cancel_run_now(context: StepContext) -> StepEnd:
    """End the run's jobs, also those of which nobody heard whether they were submitted, and then the run.

    Jobs that have not ended after a while are cancelled once more.

    Raises
    ------
    ClusterError
        If the jobs cannot be cancelled now. The run is open as before; the wish stands.
    """
    jobs = all_jobs(context) if context.run.jobs else []
    if jobs:
        context.cluster.scheduler.cancel(jobs)
        try:
            have_ended = _await_end(context, [job for job in jobs if job.job_id])
            if not have_ended and context.attempt < _TRIES:
                return StepEnd(move=TryAgain(after_s=context.patience.pause_s(context.attempt)))
            fetch_logs(context)
        except ClusterError as exc:  # the jobs are cancelled; how they ended and their logs are a bonus
            _LOG.warning("run %s: the end of its jobs was not seen: %s", context.run_id, exc)
    return StepEnd(move=on_to(names.TIDY), decide=WorkflowRun.cancel)


def _await_end(context: StepContext, jobs: list[JobRef]) -> bool:
    """Look until the jobs have ended, or until it is time to go; say which."""
    for _ in range(_LAST_LOOKS):
        reports = context.cluster.scheduler.report(jobs) if jobs else {}
        for job in jobs:
            if job.job_id in reports:
                record_report(context, job.key, reports[job.job_id])
        jobs = [job for job in jobs if job.job_id in reports and not reports[job.job_id].is_final]
        if not jobs:
            return True
        if context.signals.stopping.wait(0):
            return False
        context.services.clock.sleep(_LAST_PAUSE_S)
    return False
