"""Use case: end a run that somebody no longer wants."""

from __future__ import annotations

from biomero.application.engine.drive import drive_run
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import ProgressListener
from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import UsageError

_PATIENCE_S = 180.0
_LOOK_S = 0.5


def cancel_run(
    run_id: RunId, services: Services, cluster: Cluster, listener: ProgressListener, *, requested_by: str
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
    ClusterError
        If the cluster cannot be reached. The wish stands; it takes effect when the run is resumed.
    """
    run = services.record.change(run_id, lambda run: run.request_cancel(requested_by))
    waited = 0.0
    while not run.status.is_final:
        with services.locks.hold(run_id) as is_ours:
            if is_ours:
                return drive_run(run_id, services, cluster, listener)
        if waited >= _PATIENCE_S:
            raise UsageError(
                f"run {run_id} is driven by another process, which has not ended it after {waited:.0f} s; "
                "the wish is recorded"
            )
        services.clock.sleep(_LOOK_S)
        waited += _LOOK_S
        run = services.record.get(run_id)
    return run
