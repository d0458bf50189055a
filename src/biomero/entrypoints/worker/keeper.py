"""Beside the engine: looks whether all is well, and tells the service manager and the other workers."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from biomero.application.kept_wishes import deliver_kept
from biomero.application.ports.run_queue import QueueState
from biomero.application.whose_turn import limits_to_text
from biomero.application.worker_status import LIMITS, full_notes, problem_notes
from biomero.bootstrap.worker import WorkerParts
from biomero.entrypoints.worker.health import STUCK_S, Beat, Health
from biomero.entrypoints.worker.metrics import WorkerMetrics
from biomero.entrypoints.worker.service_manager import ServiceManager
from biomero.errors import BiomeroError

_LOG = logging.getLogger(__name__)
_EVERY_S = 0.5
_LOOK_EVERY_S = 5.0
_STALE_S = 20.0


class Keeper:
    """Two threads from entering the block to its end.

    One asks the queue, and waits where the database is silent; the other one never waits for anybody, and
    tells the service manager that the worker lives.

    Attributes
    ----------
    beat
        Comes round as long as the first thread lives.
    """

    def __init__(
        self,
        parts: WorkerParts,
        manager: ServiceManager,
        metrics: WorkerMetrics,
        health: Health,
        *,
        address: str | None,
    ) -> None:
        self.beat = Beat(within_s=STUCK_S)
        self._parts = parts
        self._manager = manager
        self._metrics = metrics
        self._health = health
        self._address = address
        self._ended = threading.Event()
        self._threads = (
            threading.Thread(target=self._keep, name="keeper", daemon=True),
            threading.Thread(target=self._watch, name="watchdog", daemon=True),
        )
        self._seen_at: float | None = None
        self._notes: Mapping[str, str] = {}
        self._is_ready = False

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:  # one may wait for a database that is silent
            thread.join(timeout=_EVERY_S * 4)

    def obstacle(self) -> str | None:
        """Say why the worker cannot do its work now: the queue does not answer, or does not know it yet."""
        if self._seen_at is None:
            return "not begun yet"
        age = time.monotonic() - self._seen_at
        return None if age < _STALE_S else f"the database has not answered for {age:.0f} s"

    def _keep(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S if self._is_ready else _EVERY_S):
            self.beat.beat()
            self._look()

    def _watch(self) -> None:
        told_at = -math.inf
        while not self._ended.wait(_EVERY_S):
            now = time.monotonic()
            self._metrics.tick_age.set(now - self._parts.engine.ticked_at)
            every = self._manager.watchdog_every_s
            is_due = self._is_ready and every is not None and now - told_at >= every
            if is_due and not self._health.problems():
                self._manager.alive()
                told_at = now

    def _look(self) -> None:
        configuration = self._parts.configuration
        configuration.current()  # which says in the log what has changed
        self._metrics.configuration_ok.set(0 if configuration.problem() else 1)
        try:
            self._tell()
        except BiomeroError as exc:
            _LOG.debug("the queue cannot be asked: %s", exc)
            if self._is_ready:
                self._manager.status(f"the database does not answer: {exc}")
        except Exception:  # noqa: BLE001 - the watchdog must not end with a bug here
            _LOG.exception("the keeper met a bug")

    def _tell(self) -> None:
        queue, own = self._parts.services.queue, self._parts.services.worker
        if not self._is_ready and own not in {view.worker for view in queue.workers()}:
            return
        deliver_kept(self._parts.services)
        counts = queue.counts()
        notes = self._notes_now()
        if notes != self._notes:
            queue.note(own, notes)
            self._notes = notes
        self._seen_at = time.monotonic()
        status = _status(counts, len(self._parts.engine.at_work))
        if self._is_ready:
            self._manager.status(status)
        else:
            self._manager.ready(status)
            self._is_ready = True

    def _notes_now(self) -> Mapping[str, str]:
        engine = self._parts.engine
        watchers = engine.watching.watchers
        problems = {w.cluster: w.problem for w in watchers if w.problem is not None}
        notes = problem_notes({**problems, **self._parts.door.barred()}) | full_notes(engine.full)
        notes[LIMITS] = limits_to_text(engine.limits)
        problem = self._parts.configuration.problem()
        if problem is not None:
            notes["configuration"] = f"the last good one is used: {problem}"
        if self._address is not None:
            notes["http"] = self._address
        return notes


def _status(counts: Mapping[tuple[str, QueueState, str], int], at_work: int) -> str:
    by_state = dict.fromkeys(QueueState, 0)
    for (_, state, _), count in counts.items():
        by_state[state] += count
    return (
        f"{at_work} steps at work here; {by_state[QueueState.WAITING]} runs wait for jobs, "
        f"{by_state[QueueState.READY]} for a worker, {by_state[QueueState.PAUSED]} for a person"
    )
