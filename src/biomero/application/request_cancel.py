"""Use case: say that a run shall end."""

from __future__ import annotations

from biomero.application.engine.place import POOLS, place_of, step_of
from biomero.application.ports.run_queue import Wish
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.workflow_run import WorkflowRun


def request_cancel(run_id: RunId, services: Services, *, requested_by: str) -> WorkflowRun:
    """Record that a run shall end; whoever drives it hears of it.

    A run that has ended is left as it is.

    Raises
    ------
    UnknownRunError
        If there is no such run, or a script drives it.
    """
    run = services.record.get(run_id)
    if services.queue.find(run_id) is None and not run.status.is_final:
        RunRequest.from_json(run.request)  # refuses a run that a script drives
        step, queued = step_of(run), place_of(run, host=services.home)
        services.queue.restart(run_id, step, POOLS[step], lambda _: None, otherwise=queued)
    return services.queue.request(run_id, Wish.CANCEL, lambda run: run.request_cancel(requested_by))
