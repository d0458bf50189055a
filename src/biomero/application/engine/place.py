"""Where a run stands in the queue, as its record alone tells."""

from __future__ import annotations

from collections.abc import Mapping

from biomero.application.engine import names
from biomero.application.ports.run_queue import GoOn, Pool, QueuedRun
from biomero.application.run_request import RunRequest
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun

HERE = "local"
"""The name of this machine in the queue, where others have clusters."""

POOLS: Mapping[str, Pool] = {
    names.PREPARE: Pool.STAGE,
    names.STAGE: Pool.STAGE,
    names.CONVERT: Pool.SUBMIT,
    names.JUDGE_CONVERSION: Pool.FETCH,
    names.ANALYSE: Pool.SUBMIT,
    names.JUDGE_ANALYSIS: Pool.FETCH,
    names.FETCH: Pool.FETCH,
    names.DELIVER: Pool.DELIVER,
    names.IMPORT: Pool.DELIVER,
    names.SETTLE: Pool.FETCH,
    names.TIDY: Pool.FETCH,
}
"""What each step mostly uses."""

_BY_STATUS: Mapping[RunStatus, str] = {
    RunStatus.SUBMITTED: names.PREPARE,
    RunStatus.EXPORTING: names.PREPARE,
    RunStatus.STAGING: names.PREPARE,
    RunStatus.CONVERTING: names.CONVERT,
    RunStatus.QUEUED: names.ANALYSE,
    RunStatus.RUNNING: names.ANALYSE,
    RunStatus.FETCHING: names.FETCH,
    RunStatus.IMPORTING: names.FETCH,
}
"""At which step a run goes on of which the queue knows nothing. A step that is done already does nothing when
it is done again; results are fetched again, as nobody knows what became of those on their way."""


def step_of(run: WorkflowRun) -> str:
    """Return the step at which a run goes on, as its record alone tells."""
    if run.status.is_final:
        return names.TIDY
    if run.request.get("errand"):  # its first step finds out what is done already
        return names.PREPARE
    return _BY_STATUS.get(run.step, names.PREPARE)


def place_of(run: WorkflowRun, *, host: str | None = None) -> QueuedRun | None:
    """Return a run's place in the queue, as its record alone tells; ``None`` where it has none.

    Parameters
    ----------
    host
        The machine that has its files, where that matters.
    """
    if not run.request or run.status.is_final:
        return None
    request = RunRequest.from_json(run.request)
    step = step_of(run)
    return QueuedRun(
        run_id=run.run_id,
        step=step,
        pool=POOLS[step],
        cluster=request.cluster or HERE,
        requester=request.requested_by,
        host=host,
    )


def on_to(step: str) -> GoOn:
    """Return the move to a step."""
    return GoOn(step=step, pool=POOLS[step])
