"""The threads that watch clusters: one for each that has jobs of ours."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from biomero.application.engine.door import Door
from biomero.application.engine.place import HERE
from biomero.application.engine.watch import JobWatcher
from biomero.application.log_fields import log_fields
from biomero.application.ports.clock import Clock
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.run_queue import QueueState, RunQueue, Wish, WorkerId
from biomero.application.record_json import failure_to_json
from biomero.domain.classify_failure import failure_of
from biomero.domain.ids import RunId
from biomero.errors import BiomeroError

_LOG = logging.getLogger(__name__)

_UNANSWERED_LOOKS = 10
"""After so many questions in a row without an answer a person is told; the job itself goes on."""
_UNANSWERED_S = 540.0
"""And not before that time, where it is a cluster that does not answer: login nodes are started again."""
_COUNT_EVERY_S = 10.0
_AFTER_ERROR_S = 5.0


class Watching:
    """Watches clusters, each in a thread of its own, once it is known that a run waits there.

    Parameters
    ----------
    ended
        Set after each look, so that who claims steps looks at once.
    on_death
        Told of what no thread may survive.
    """

    def __init__(
        self,
        *,
        queue: RunQueue,
        door: Door,
        worker: WorkerId,
        clock: Clock,
        ended: threading.Event,
        show: Callable[[RunId, RunUpdate], None],
        on_death: Callable[[BaseException], None],
    ) -> None:
        self._queue = queue
        self._door = door
        self._worker = worker
        self._clock = clock
        self._ended = ended
        self._show = show
        self._on_death = on_death
        self._watchers: dict[str, JobWatcher] = {}
        self._errors: dict[str, BiomeroError] = {}
        self._silent_since: dict[str, float] = {}
        self._nudges: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._counted_at = 0.0

    @property
    def looks(self) -> int:
        """How often clusters were asked so far."""
        return sum(watcher.looks for watcher in list(self._watchers.values()))

    @property
    def watchers(self) -> list[JobWatcher]:
        """Those that there are, for people."""
        return list(self._watchers.values())

    def look_after(self, *, everybody: bool) -> None:
        """Find out now and then at which clusters runs wait."""
        now = time.monotonic()
        if not everybody or (self._counted_at and now - self._counted_at < _COUNT_EVERY_S):
            return
        self._counted_at = now
        for cluster, state, _step in self._queue.counts():
            if state is QueueState.WAITING:
                self.need(cluster)

    def look_soon(self, cluster: str) -> None:
        """Watch a cluster from now on, and look at once: a job is new there."""
        self.need(cluster)
        self._watchers[cluster].wake()
        self._nudges[cluster].set()

    def need(self, cluster: str) -> None:
        """Watch a cluster from now on."""
        if cluster in self._watchers:
            return
        watcher = JobWatcher(
            self._queue,
            cluster,
            lambda: self._opened(cluster),
            self._worker,
            self._clock,
            is_local=cluster == HERE,
            show=self._show,
        )
        with self._lock:
            if cluster in self._watchers:
                return
            self._nudges[cluster] = threading.Event()
            self._watchers[cluster] = watcher
        threading.Thread(target=self._watch, args=(watcher,), name=f"watch {cluster}", daemon=True).start()

    def pause_unanswered(self, run_id: RunId, cluster: str) -> None:
        """Pause a run whose cluster has not answered for long."""
        watcher, error = self._watchers.get(cluster), self._errors.get(cluster)
        if watcher is None or error is None or watcher.unanswered < _UNANSWERED_LOOKS:
            return
        if (
            cluster != HERE
            and time.monotonic() - self._silent_since.get(cluster, time.monotonic()) < _UNANSWERED_S
        ):
            return
        told = failure_to_json(failure_of(error))
        self._queue.request(run_id, Wish.PAUSE, lambda run: run.pause(told))

    def stop(self) -> None:
        """Watch no more; a look that is on its way comes to its end."""
        self._stopping.set()
        for nudge in list(self._nudges.values()):
            nudge.set()

    @contextmanager
    def _opened(self, cluster: str) -> Iterator[Cluster]:
        try:
            with self._door.watch(cluster) as opened:
                yield opened
        except BiomeroError as exc:
            self._errors[cluster] = exc
            self._silent_since.setdefault(cluster, time.monotonic())
            raise
        self._silent_since.pop(cluster, None)

    def _watch(self, watcher: JobWatcher) -> None:
        nudge = self._nudges[watcher.cluster]
        while not self._stopping.is_set():
            try:
                with log_fields(cluster=watcher.cluster):
                    pause = watcher.run_once()
            except BiomeroError as exc:
                _LOG.info("%s is not watched: %s", watcher.cluster, exc)
                pause = _AFTER_ERROR_S
            except Exception:  # noqa: BLE001 - the others are watched all the same
                _LOG.exception("%s is not watched", watcher.cluster)
                pause = _AFTER_ERROR_S
            except BaseException as exc:  # noqa: BLE001 - it is raised again where the process hears it
                self._on_death(exc)
                return
            self._ended.set()
            nudge.wait(pause)
            nudge.clear()
