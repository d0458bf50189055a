"""What keeps an open run, beyond its own events: workers say of clusters what every run there waits for."""

from __future__ import annotations

from biomero.application.engine.place import HERE
from biomero.application.ports.run_queue import RunQueue
from biomero.application.worker_status import cluster_problems
from biomero.domain.workflow_run import WorkflowRun


def why_waiting(run: WorkflowRun, queue: RunQueue) -> str | None:
    """Say in a sentence what keeps a run that has not ended; ``None`` where nothing is in its way.

    Raises
    ------
    RecordError
        If the database does not do its part.
    """
    if run.status.is_final:
        return None
    problem = cluster_problems(queue.workers()).get(run.request.get("cluster") or HERE)
    if problem is not None:
        return problem
    return None if run.trouble is None else f"{run.trouble['message']}; it is tried again"
