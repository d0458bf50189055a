"""Use case: end a run that somebody no longer wants."""

from __future__ import annotations

import time

from biomero.application.drive_here import drive_until, told
from biomero.application.engine.patience import ATTENDED, Patience
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import ProgressListener
from biomero.application.request_cancel import request_cancel
from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import UsageError

_PATIENCE_S = 180.0


def cancel_run(
    run_id: RunId,
    services: Services,
    cluster: Cluster,
    listener: ProgressListener,
    *,
    requested_by: str,
    patience: Patience = ATTENDED,
) -> WorkflowRun:
    """End a run and its jobs, and wait until that is so.

    The wish is recorded first, so that it holds whatever happens next. If another process drives the run,
    that process ends it; otherwise this one does.

    Returns
    -------
    the run, with its final status; a run that had ended before is left as it was

    Raises
    ------
    UsageError
        If the process that drives the run does not react.
    ConnectionFailedError
        If the cluster cannot be reached. The wish stands; it takes effect when the cluster is back and
        anybody drives the run.
    """
    run = request_cancel(run_id, services, requested_by=requested_by)
    if run.status.is_final:
        return run
    began = time.monotonic()
    run = drive_until(
        run_id,
        services,
        cluster,
        listener,
        patience=patience,
        is_enough=lambda: time.monotonic() - began > _PATIENCE_S,
    )
    if not run.status.is_final and time.monotonic() - began > _PATIENCE_S:
        raise UsageError(
            f"run {run_id} is driven by another process, which has not ended it after {_PATIENCE_S:.0f} s; "
            "the wish is recorded"
        )
    return told(run)
