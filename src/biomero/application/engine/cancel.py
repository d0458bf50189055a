"""Step: the end of a run that somebody no longer wants."""

from __future__ import annotations

import logging

from biomero.application.engine import names
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.end_jobs import end_jobs
from biomero.application.engine.fetch import fetch_logs
from biomero.application.engine.jobs import all_jobs, job_fields, open_jobs
from biomero.application.engine.place import on_to
from biomero.application.log_fields import add_log_fields
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ClusterError

_LOG = logging.getLogger(__name__)


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
        end_jobs(context, jobs)
        try:
            fetch_logs(context)
        except ClusterError as exc:  # the jobs have ended; what they said is a bonus
            _LOG.warning("run %s: the logs of its jobs could not be fetched: %s", context.run_id, exc)
    return StepEnd(move=on_to(names.TIDY), decide=WorkflowRun.cancel)
