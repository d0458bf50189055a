"""Beside the engine: sees, at the start and daily, that the queue says what the record says."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

from biomero.application.engine.place import place_of
from biomero.application.engine.recover import DailyCheck, check_queue
from biomero.application.ports.run_queue import QueuedRun
from biomero.application.services import Services
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import BiomeroError

_LOG = logging.getLogger(__name__)
_EVERY_S = 60.0
_LEAVE_WITHIN_S = 2.0


class QueueCheck:
    """Checks on entering the block, and from then on in a thread of its own: a large record takes its time.

    Raises
    ------
    RecordError
        On entering, if the database cannot be used.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="queue check", daemon=True)

    def __enter__(self) -> Self:
        check_queue(self._services.queue, self._place)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=_LEAVE_WITHIN_S)

    def _keep(self) -> None:
        services = self._services
        daily = DailyCheck(services.queue, services.worker, services.clock, self._place)
        while not self._ended.wait(_EVERY_S):
            try:
                daily.run_if_due()
            except BiomeroError as exc:
                _LOG.debug("the queue is not checked now: %s", exc)
            except Exception:  # noqa: BLE001 - runs go on all the same
                _LOG.exception("the check of the queue met a bug")

    def _place(self, run: WorkflowRun) -> QueuedRun | None:
        return place_of(run, host=self._services.home)
