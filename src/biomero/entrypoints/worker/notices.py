"""Beside the engine: tells people what became of runs; of all workers one does."""

from __future__ import annotations

import time

from biomero.bootstrap.worker import WorkerParts
from biomero.entrypoints.worker.metrics import WorkerMetrics
from biomero.entrypoints.worker.rounds import Rounds

_EVERY_S = 2.0
_LEAD = "notices"
_LEAD_EVERY_S = 10.0


class NoticeLoop:
    """Tells people, as long as this worker is the one that does."""

    def __init__(self, parts: WorkerParts, metrics: WorkerMetrics) -> None:
        self._parts = parts
        self._metrics = metrics
        self._leads = False
        self._asked_at = -_LEAD_EVERY_S
        # a mail server that does not answer shall not keep the worker from its end: the outbox remembers
        self.rounds = Rounds("notices", self._tell, every_s=_EVERY_S, leave_within_s=_EVERY_S)

    def _tell(self) -> None:
        if self._may_go_on():
            told = self._parts.notifications()
            told.run_once(may_go_on=self._may_go_on, on_outcome=self._metrics.note_notice)

    def _may_go_on(self) -> bool:
        """Say whether this worker is the one that tells people; a notice may take longer than that holds."""
        services, now = self._parts.services, time.monotonic()
        if now - self._asked_at >= _LEAD_EVERY_S:  # it holds for half a minute, and asking writes
            self._leads = services.queue.lead(_LEAD, services.worker)
            self._asked_at = now
        return self._leads and not self.rounds.is_over
