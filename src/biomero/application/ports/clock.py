"""Time, so that waiting can be tested without waiting."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Return the time, with its zone (UTC)."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
