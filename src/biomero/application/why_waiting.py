"""What keeps an open run, beyond its own events.

Workers say of clusters what every run there waits for, and of themselves how much they do at once; the queue
has what is at work now.
"""

from __future__ import annotations

from collections.abc import Sequence

from biomero.application.engine.place import HERE, POOLS
from biomero.application.ports.run_queue import Pool, QueueState, QueueView, RunQueue, WorkerView
from biomero.application.whose_turn import limits_from_text, reached_limit
from biomero.application.worker_status import LIMITS, cluster_problems, full_clusters
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun

_NO_JOB_YET = frozenset({QueueState.READY, QueueState.CLAIMED})


def why_waiting(run: WorkflowRun, queue: RunQueue) -> str | None:
    """Say in a sentence what keeps a run that has not ended; ``None`` where nothing is in its way.

    Raises
    ------
    RecordError
        If the database does not do its part.
    """
    if run.status.is_final:
        return None
    workers = queue.workers()
    problem = cluster_problems(workers).get(run.request.get("cluster") or HERE)
    if problem is not None or run.status is RunStatus.PAUSED:
        return problem
    trouble = None if run.trouble is None else f"{run.trouble['message']}; it is tried again"
    if not workers:
        return trouble or "no worker is there to drive it"
    place = queue.find(run.run_id)
    full = None if place is None else _full(place, workers)
    if full is not None or place is None or place.state is not QueueState.READY:
        return full or trouble
    return "; ".join(filter(None, (trouble, _turn(run, place, workers, queue)))) or _put_off(place)


def _full(place: QueueView, workers: Sequence[WorkerView]) -> str | None:
    """Say that there is no room for the run's next job; one whose job is there does not wait for room."""
    is_submitting = POOLS.get(place.step) is Pool.SUBMIT and place.state in _NO_JOB_YET
    return full_clusters(workers).get(place.cluster) if is_submitting else None


def _turn(run: WorkflowRun, place: QueueView, workers: Sequence[WorkerView], queue: RunQueue) -> str | None:
    """Say for which limit a run waits; one that somebody wants to end or to stop waits for none."""
    if run.cancel_requested_by is not None or run.pause_requested_by is not None:
        return None
    noted = [limits_from_text(view.notes[LIMITS]) for view in workers if LIMITS in view.notes]
    limits = [one for one in noted if one is not None]
    if not limits or len(limits) < sum(view.drives_all for view in workers):
        return None
    at_work = queue.at_work()
    reached = [reached_limit(place, at_work, one) for one in limits]
    return None if None in reached else reached[0]


def _put_off(place: QueueView) -> str | None:
    """Say of a step that could not be done, nor that be recorded, when it is tried again."""
    if not place.attempt:
        return None
    return (
        f"its step {place.step} did not come to an end (attempts: {place.attempt}); the next try is at "
        f"{place.due:%Y-%m-%d %H:%M:%S} UTC, and the worker's log says more"
    )
