"""Beside the engine: something small that is done again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from biomero.errors import BiomeroError

_LOG = logging.getLogger(__name__)


class Rounds:
    """A thread of its own from entering the block to its end; runs go on whatever becomes of a round.

    Parameters
    ----------
    what
        What is done, for the thread's name and the log.
    act
        Does it once; may raise anything.
    every_s
        The pause before each round, in seconds.
    leave_within_s
        How long the end of the block waits for a round that is on its way; it must bear to be cut off.
    """

    def __init__(
        self, what: str, act: Callable[[], object], *, every_s: float, leave_within_s: float = 2.0
    ) -> None:
        self._what = what
        self._act = act
        self._every_s = every_s
        self._leave_within_s = leave_within_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=what, daemon=True)

    @property
    def is_over(self) -> bool:
        """Whether the block is at its end."""
        return self._ended.is_set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=self._leave_within_s)

    def _keep(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                self._act()
            except BiomeroError as exc:
                _LOG.debug("%s: not now: %s", self._what, exc)
            except Exception:  # noqa: BLE001 - runs go on all the same
                _LOG.exception("%s met a bug", self._what)
