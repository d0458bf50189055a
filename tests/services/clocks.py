"""Clocks that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Later:
    """A clock that goes on by hand, too."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def sleep(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)
