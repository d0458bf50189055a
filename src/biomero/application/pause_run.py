"""Use cases: let a run stop for a while, and let it go on."""

from __future__ import annotations

from biomero.application.errand_runs import refuse_beside_others
from biomero.application.ports.run_queue import Wish
from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.workflow_run import WorkflowRun


def pause_run(run_id: RunId, services: Services, *, requested_by: str) -> WorkflowRun:
    """Record that a run shall stop at the next place where that is safe; jobs that are submitted go on.

    A run that has ended or is paused is left as it is.
    """
    return services.queue.request(run_id, Wish.PAUSE, lambda run: run.request_pause(requested_by))


def resume_run(run_id: RunId, services: Services, *, requested_by: str) -> WorkflowRun:
    """Record that a run shall go on where it stands, or take back that it shall stop.

    Raises
    ------
    UsageError
        If another run puts its results into OMERO.
    """
    refuse_beside_others(services.record.get(run_id), services.record)
    return services.queue.request(run_id, Wish.RESUME, lambda run: run.resume(requested_by))
