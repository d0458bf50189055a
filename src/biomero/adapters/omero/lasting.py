"""A session that outlives the server's: when it is lost, another is made, and the question is asked again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from types import TracebackType
from typing import Self, TypeVar

from biomero.adapters.omero.session import OmeroSession
from biomero.application.ports.clock import Clock
from biomero.errors import OmeroError, OmeroLoginError, OmeroUnavailableError

_log = logging.getLogger(__name__)

PATIENCE_S = 300.0
"""A server that is started again takes some minutes."""

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 20.0

_T = TypeVar("_T")


class LastingSession:
    """A session for questions that may be asked twice; several threads may ask.

    Parameters
    ----------
    login
        Opens a session.
    patience_s
        How long an answer is waited for.
    """

    def __init__(
        self,
        login: Callable[[], AbstractContextManager[OmeroSession]],
        clock: Clock,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._login = login
        self._clock = clock
        self._patience = timedelta(seconds=patience_s)
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._session: OmeroSession | None = None

    def __enter__(self) -> Self:
        """Log in, without waiting for a server that does not answer."""
        self._current()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._session = None
            self._stack.close()

    def ask(self, question: Callable[[OmeroSession], _T]) -> _T:
        """Return the answer to a question, which raises our errors; what may pass is waited for.

        Raises
        ------
        OmeroUnavailableError
            If OMERO did not answer for minutes.
        OmeroLoginError
            If for as long it refused to let us in again.
        """
        until = None
        pause_s = _FIRST_PAUSE_S
        while True:
            session = None
            try:
                session = self._current()
                return question(session)
            except OmeroError as exc:
                # a router without its server refuses logins as it does wrong passwords
                if not exc.transient and not isinstance(exc, OmeroLoginError):
                    raise
                until = until or self._clock.now() + self._patience
                if self._clock.now() >= until:
                    if exc.transient:
                        raise OmeroUnavailableError(f"{exc}, also after waiting") from exc
                    raise
                _log.warning("%s; going on with a new session", exc)
            if session is not None:
                self._lose(session)
            self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _current(self) -> OmeroSession:
        with self._lock:
            if self._session is None:
                self._session = self._stack.enter_context(self._login())
            return self._session

    def _lose(self, session: OmeroSession) -> None:
        with self._lock:
            if self._session is session:  # another thread may have noticed earlier
                self._session = None
                self._stack.close()
