"""How many commands a login node gets: many at once after a quiet time, few in the long run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class TokenBucket:
    """Gives out turns, in the order in which they were asked for; all in one event loop.

    Parameters
    ----------
    per_s
        Turns a second in the long run; ``None`` for any number.
    burst
        Turns that may be taken at once after a quiet time.

    Attributes
    ----------
    held_back
        How many turns had to wait.
    """

    per_s: float | None = None
    burst: int = 1
    clock: Callable[[], float] = time.monotonic
    held_back: int = 0
    _free_at: float = field(default=float("-inf"))

    def delay(self) -> float:
        """Take a turn, and return in how many seconds it is.

        >>> bucket = TokenBucket(per_s=2, burst=2, clock=lambda: 10.0)
        >>> [bucket.delay() for _ in range(4)]
        [0.0, 0.0, 0.5, 1.0]
        """
        if self.per_s is None:
            return 0.0
        now = self.clock()
        # the moment at which the bucket would be full again, less the whole burst, is when a turn is free
        full_at = max(self._free_at, now) + 1 / self.per_s
        self._free_at = full_at
        return max(0.0, full_at - now - self.burst / self.per_s)

    async def turn(self) -> None:
        """Wait for a turn."""
        seconds = self.delay()
        if seconds > 0:
            self.held_back += 1
            await asyncio.sleep(seconds)
