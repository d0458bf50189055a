"""Beside the engine: sees, at the start and daily, that the queue says what the record says."""

from __future__ import annotations

from biomero.application.engine.place import place_of
from biomero.application.engine.recover import DailyCheck, check_queue
from biomero.application.ports.run_queue import QueuedRun
from biomero.application.services import Services
from biomero.domain.workflow_run import WorkflowRun
from biomero.entrypoints.worker.rounds import Rounds

_EVERY_S = 60.0


def checked_queue(services: Services) -> Rounds:
    """Check now, and return what does it daily, in a thread of its own: a large record takes its time.

    Raises
    ------
    RecordError
        If the database cannot be used.
    """

    def place(run: WorkflowRun) -> QueuedRun | None:
        return place_of(run, host=services.home)

    check_queue(services.queue, place)
    daily = DailyCheck(services.queue, services.worker, services.clock, place)
    return Rounds("queue check", daily.run_if_due, every_s=_EVERY_S)
