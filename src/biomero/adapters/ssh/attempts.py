"""When to log in again after failures: clusters ban clients that fail too often."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

from biomero.errors import AuthenticationFailedError, BiomeroError, ConnectionFailedError

LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class LoginAttempts:
    """Counts failures and says how long to wait; after too many refused logins it allows no more.

    A refused login (wrong key) will be refused again: it is never repeated by itself, and when the callers
    have met `most_refused` of them, nothing more is sent to the host. A host that cannot be reached may
    come back: it is tried again with growing pauses.
    """

    most_refused: int = 3
    pause_s: float = 1.0
    refused: int = 0
    last_error: BiomeroError | None = None
    _unreachable: int = 0
    _not_before: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """Pass if a login may be tried now.

        Raises
        ------
        AuthenticationFailedError
            If too many were refused.
        ConnectionFailedError
            If the pause after the last failure is not over.
        """
        with self._lock:
            if self.refused >= self.most_refused:
                raise AuthenticationFailedError(
                    f"no further login is tried after {self.refused} refused ones, so that the cluster does"
                    " not ban this machine; put it right, then start again."
                    f" The last refusal: {self.last_error}"
                )
            wait_s = self._not_before - time.monotonic()
            if wait_s > 0:
                raise ConnectionFailedError(
                    f"{self.last_error}; the next login is tried in {wait_s:.0f} s"
                ) from self.last_error

    def note_success(self) -> None:
        """Forget all failures."""
        with self._lock:
            self.refused = self._unreachable = 0
            self.last_error = None
            self._not_before = 0.0

    def note_refused(self, error: BiomeroError) -> None:
        """Count a refused login."""
        with self._lock:
            self.refused += 1
            self.last_error = error

    def note_unreachable(self, error: BiomeroError) -> float:
        """Count a host that was not reached; return how many seconds to wait before trying again."""
        with self._lock:
            self.last_error = error
            pause = min(LONGEST_PAUSE_S, self.pause_s * float(2**self._unreachable))
            self._unreachable = min(self._unreachable + 1, 16)
            return pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    def pause(self) -> None:
        """Send callers away until the host has had a while to come back."""
        with self._lock:
            self._not_before = time.monotonic() + min(LONGEST_PAUSE_S, self.pause_s * 2**self._unreachable)
