"""Beside the engine: tells people what became of runs; of all workers one does."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

from biomero.bootstrap.worker import WorkerParts
from biomero.entrypoints.worker.metrics import WorkerMetrics
from biomero.errors import BiomeroError

_LOG = logging.getLogger(__name__)
_EVERY_S = 2.0
_LEAD = "notices"
_LEAD_EVERY_S = 10.0


class NoticeLoop:
    """A thread of its own from entering the block to its end."""

    def __init__(self, parts: WorkerParts, metrics: WorkerMetrics) -> None:
        self._parts = parts
        self._metrics = metrics
        self._leads = False
        self._asked_at = -_LEAD_EVERY_S
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="notices", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # a mail server that does not answer shall not keep the worker from its end: the outbox remembers
        self._ended.set()
        self._thread.join(timeout=_EVERY_S)

    def _keep(self) -> None:
        while not self._ended.wait(_EVERY_S):
            try:
                self._tell()
            except BiomeroError as exc:
                _LOG.debug("nobody is told now: %s", exc)
            except Exception:  # noqa: BLE001 - runs go on all the same
                _LOG.exception("telling people met a bug")

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
        return self._leads and not self._ended.is_set()
