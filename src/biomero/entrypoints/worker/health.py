"""Whether the worker lives, and whether it can work; asked by the watchdog and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

STUCK_S = 180.0
"""What has not come round for so long hangs. A silent database holds each call up for two minutes: then it is
not the worker that is to be started again."""

Check = Callable[[], str | None]
"""Returns what is wrong in a few words, or ``None``; must be quick and must not raise."""


@dataclass(slots=True)
class Beat:
    """A loop that has to come round again and again.

    Parameters
    ----------
    within_s
        How long one round may take before the loop counts as stuck.
    """

    within_s: float
    _last: float = field(default_factory=time.monotonic)

    def beat(self) -> None:
        """Say that the loop came round."""
        self._last = time.monotonic()

    @property
    def age_s(self) -> float:
        """How long ago that was."""
        return time.monotonic() - self._last

    def check(self) -> str | None:
        """Say whether the loop is stuck."""
        return None if self.age_s <= self.within_s else f"did not come round for {self.age_s:.0f} s"


@dataclass(slots=True)
class Health:
    """What has to hold, by name.

    Parameters
    ----------
    lives
        While one of these says something, the process is to be started again.
    ready
        While one of these says something, it cannot do its work, and starting it again would not help.
    """

    lives: dict[str, Check] = field(default_factory=dict)
    ready: dict[str, Check] = field(default_factory=dict)

    def problems(self) -> Mapping[str, str]:
        """Return why the process should be started again."""
        return _said(self.lives)

    def obstacles(self) -> Mapping[str, str]:
        """Return why it cannot work now."""
        return _said({**self.lives, **self.ready})


def _said(checks: Mapping[str, Check]) -> dict[str, str]:
    return {name: text for name, check in checks.items() if (text := check()) is not None}
