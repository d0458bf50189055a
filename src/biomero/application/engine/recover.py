"""Use case: see that the queue of runs says what the record says; where they differ, the record is right."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

from biomero.application.ports.clock import Clock
from biomero.application.ports.run_queue import QueuedRun, QueueState, QueueView, RunQueue, WorkerId
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun

_ALL = 10_000_000
_DAY = timedelta(days=1)
_LEAD = "check the queue"
_log = logging.getLogger(__name__)


def check_queue(queue: RunQueue, place: Callable[[WorkflowRun], QueuedRun | None]) -> int:
    """Put right what the queue lacks or has wrong; done when a worker starts, and daily.

    It asks which runs are in doubt, and folds only those: ten thousand open runs are no matter.

    Parameters
    ----------
    place
        Says where a run belongs that has not ended; ``None`` for one that the engine does not drive.

    Returns
    -------
    how many runs were put right

    Raises
    ------
    RecordError
        If the database does not do its part; the next check does the rest.
    """
    count = queue.rebuild(place)
    if count:
        _log.warning("%d runs were put back into the queue", count)
    return count


class DailyCheck:
    """Checks the queue whenever a day has passed since it was checked; of several workers one at a time.

    Parameters
    ----------
    place
        As for `check_queue`.
    """

    def __init__(
        self,
        queue: RunQueue,
        worker: WorkerId,
        clock: Clock,
        place: Callable[[WorkflowRun], QueuedRun | None],
    ) -> None:
        self._queue = queue
        self._worker = worker
        self._clock = clock
        self._place = place
        self._checked_at = clock.now()

    def run_if_due(self) -> int:
        """Check, if it is time to, and return how many runs were put right.

        Raises
        ------
        RecordError
            If the database does not do its part; it stays due.
        """
        now = self._clock.now()
        if abs(now - self._checked_at) < _DAY:  # a clock that was put back must not stop us
            return 0
        count = check_queue(self._queue, self._place) if self._queue.lead(_LEAD, self._worker) else 0
        self._checked_at = now
        return count


def contradictions(queue: RunQueue, load: Callable[[RunId], WorkflowRun]) -> Iterator[str]:
    """Fold every run of the queue and say which of them its place contradicts; slow, for an examination.

    A step at work may be between two truths only in its own transaction, so that this may be asked any time.
    """
    for view in queue.view(limit=_ALL):
        problem = _contradiction(view, load(view.run_id))
        if problem:
            yield f"run {view.run_id} {problem}"


def _contradiction(view: QueueView, run: WorkflowRun) -> str | None:
    match view.state:
        case QueueState.ENDED if not run.status.is_final:
            return f"has ended in the queue, and is {run.status.value} in the record"
        case QueueState.PAUSED if run.status is not RunStatus.PAUSED and not run.status.is_final:
            return f"is paused in the queue, and {run.status.value} in the record"
        case QueueState.WAITING if not any(job["job"] for job in run.jobs.values()):
            return "waits for a job in the queue, and the record has none"
        case QueueState.WAITING if run.cancel_requested_by is not None:
            return "waits for a job in the queue, and somebody wants it cancelled"
        case _:
            return None
