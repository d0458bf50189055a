"""What becomes of a run when one of its steps goes wrong."""

from __future__ import annotations

import logging

from biomero.application.engine import names
from biomero.application.engine.context import StepContext, StepEnd, StepFailedError
from biomero.application.engine.fetch import fetch_logs, logs_of
from biomero.application.engine.patience import Patience
from biomero.application.engine.place import on_to
from biomero.application.engine.tidy import leave_report
from biomero.application.ports.run_queue import Claim, Park, TryAgain
from biomero.application.record_json import failure_to_json
from biomero.domain.classify_failure import can_be_put_right, failure_of
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.run_events import Json
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import (
    BiomeroError,
    ClusterError,
    SubmissionRejectedError,
    UsageError,
)

_LOG = logging.getLogger(__name__)

_COMING_HOME = frozenset({RunStatus.FETCHING, RunStatus.IMPORTING})


def after(
    error: Exception, run: WorkflowRun, claim: Claim, patience: Patience, context: StepContext | None
) -> StepEnd:
    """Decide on a step that went wrong: once more, a person, or the run's end.

    Parameters
    ----------
    context
        What the step had; ``None`` where it was not even begun.
    """
    if isinstance(error, StepFailedError):
        return _failed(context, error.failure)
    is_bug = not isinstance(error, BiomeroError | OSError)
    if is_bug:
        _LOG.error("run %s met a bug in its step %s", run.run_id, claim.step, exc_info=error)
    failure = failure_of(error)
    if claim.attempt < patience.retries_after(error):
        return once_more(claim, failure, patience)
    if run.cancel_requested_by is not None and not run.status.is_final and not is_bug:
        return StepEnd(move=TryAgain(after_s=patience.pause_s(claim.attempt)))
    if run.status.is_final:  # only tidying up was left
        return StepEnd(move=Park())
    if is_bug or _may_be_put_right(error, run):
        return parked(failure, context)
    return _failed(context, failure)


def once_more(claim: Claim, failure: Failure, patience: Patience) -> StepEnd:
    """Let the step be tried again, after a pause that grows."""
    pause = patience.pause_s(claim.attempt)
    told = failure_to_json(failure)
    return StepEnd(
        move=TryAgain(after_s=pause),
        decide=lambda run: run.retry_step(claim.step, claim.attempt, told, after_s=pause),
    )


def parked(failure: Failure, context: StepContext | None) -> StepEnd:
    """Let the run wait for a person."""
    told = failure_to_json(failure)
    if context is not None:
        context.count_session()
    return StepEnd(move=Park(), decide=lambda run: run.pause(told))


def poisonous(claim: Claim) -> Failure:
    """Return why nobody tries a step again whose workers died one after the other."""
    return Failure(
        failure_class=FailureClass.BUG,
        message=f"the process that worked on the step {claim.step} died {claim.crashes} times in a row",
        advice="Look into the log of `biomero worker` and the machine's memory; "
        "`biomero runs resume` tries it once more.",
    )


def overdue(claim: Claim, deadline_s: float) -> Failure:
    """Return why a step counts as failed that does not come to an end."""
    return Failure(
        failure_class=FailureClass.TRANSFER,
        message=f"the step {claim.step} had not ended after {deadline_s / 3600:.1f} hours",
        advice="Check whether the cluster, the network or this machine is very slow, or something hangs.",
    )


def _may_be_put_right(error: Exception, run: WorkflowRun) -> bool:
    """Say whether a person can put it right, so that nothing of what was computed is lost.

    Before there is a job, what the run itself would have to change for is not worth waiting for: it can be
    asked for again.
    """
    if isinstance(error, SubmissionRejectedError):
        return False
    if isinstance(error, BiomeroError) and error.transient:
        return True
    if can_be_put_right(error):  # everybody's runs meet it, and would all fail
        return True
    if run.step in _COMING_HOME:
        return isinstance(error, BiomeroError | OSError)
    return bool(run.jobs) and isinstance(error, ClusterError | UsageError)


def _failed(context: StepContext | None, failure: Failure) -> StepEnd:
    """End the run, with as much evidence around it as can still be had."""
    told: Json = failure_to_json(failure)
    try:
        if context is not None and context.run.jobs:
            fetch_logs(context)
    except ClusterError as exc:
        _LOG.warning("run %s: no logs of its jobs: %s", context and context.run_id, exc)
    return StepEnd(move=on_to(names.TIDY), decide=lambda run: run.fail(told))


def report_of_paused(context: StepContext) -> None:
    """Leave the report of a run that waits for a person."""
    leave_report(context.services, context.run_id, logs_of(context))
