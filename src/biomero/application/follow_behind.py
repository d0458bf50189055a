"""Views follow the record in a thread of their own, a moment behind, many events at once."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Lock, Thread
from uuid import UUID

from biomero.application.ports.views import TaskExecutionRow, ViewQuestions
from biomero.errors import BiomeroError

_RETRY_S = 5.0
_log = logging.getLogger(__name__)


class FollowBehind:
    """Calls `follow` soon after it was woken, in a thread that ends with the process.

    When the process ends in good order, or `close` is called, it follows to the end. Where the process is
    killed, the next one goes on: every view knows its position.

    Parameters
    ----------
    follow
        Brings the views up to date.
    pause_s
        How long it waits for more after it was woken.
    """

    def __init__(self, follow: Callable[[], object], *, pause_s: float) -> None:
        self._follow = follow
        self._pause_s = pause_s
        self._is_behind = Event()
        self._recorded = self._followed = 0
        self._is_closing = Event()
        self._thread: Thread | None = None
        self._starting = Lock()

    def wake(self) -> None:
        """Say that something was recorded."""
        self._recorded += 1
        self._is_behind.set()
        # a process that was forked has no thread yet
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def level(self) -> None:
        """Follow at once what this process recorded, so that it sees its own work."""
        recorded = self._recorded
        if self._followed < recorded:
            self._follow()
            self._followed = recorded

    def close(self) -> None:
        """Follow to the end; a view that cannot be written is left to the next process."""
        atexit.unregister(self.close)
        with self._starting:  # who records meanwhile starts no thread that nobody would ever end
            self._is_closing.set()
            self._is_behind.set()
            thread, self._thread = self._thread, None
            if thread is not None:
                thread.join()
        if thread is not None:
            self._try()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                return
            self._is_closing.clear()
            self._thread = Thread(target=self._go_on, name="biomero-views", daemon=True)
            self._thread.start()
            atexit.register(self.close)

    def _go_on(self) -> None:
        pause_s = self._pause_s
        while True:
            self._is_behind.wait()
            # more will come; one look at all of it costs as much as one at each
            if self._is_closing.wait(pause_s):
                return
            self._is_behind.clear()
            if self._is_closing.is_set():  # what said so was cleared with the rest
                return
            pause_s = self._pause_s if self._try() else _RETRY_S

    def _try(self) -> bool:
        try:
            self.level()
        except BiomeroError as exc:
            _log.warning("views will catch up later: %s", exc)
        except Exception:  # noqa: BLE001 - nothing that a view does may end this thread
            _log.exception("views cannot follow")
        else:
            return True
        self._is_behind.set()
        return False


class LevelViews:
    """See `ViewQuestions`; what this process recorded before it asks is in the answer."""

    def __init__(self, views: ViewQuestions, level: Callable[[], object]) -> None:
        self._views = views
        self._level = level

    def positions(self) -> Mapping[str, int]:
        """See `ViewQuestions.positions`."""
        self._level()
        return self._views.positions()

    def jobs_by_user(self, user: int | None, group: int | None) -> dict[int, list[int]]:
        """See `ViewQuestions.jobs_by_user`."""
        self._level()
        return self._views.jobs_by_user(user, group)

    def task_of_job(self, slurm_job_id: int) -> UUID | None:
        """See `ViewQuestions.task_of_job`."""
        self._level()
        return self._views.task_of_job(slurm_job_id)

    def task_executions(self, user: int | None, group: int | None) -> Sequence[TaskExecutionRow]:
        """See `ViewQuestions.task_executions`."""
        self._level()
        return self._views.task_executions(user, group)
