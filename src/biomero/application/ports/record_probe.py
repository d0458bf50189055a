"""Whether the database of runs can be reached."""

from __future__ import annotations

from typing import Protocol


class RecordProbe(Protocol):
    """Looks at the database without changing it."""

    @property
    def name(self) -> str:
        """What the database is called; without a password."""
        ...

    def obstacle(self) -> str | None:
        """Return why it cannot be reached, without a password; ``None`` if it can."""
        ...
