"""Telling people how far a run is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from biomero.domain.run_status import RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUpdate:
    """One moment of a run.

    Parameters
    ----------
    message
        What is going on, in a few words: ``writing cells_01``, ``3 jobs ahead in the queue (Priority)``.
    done, total
        How much of the step is done; `total` is ``None`` where nobody knows.
    unit
        What is counted: ``images``, ``bytes`` or ``tasks``.
    """

    status: RunStatus
    message: str = ""
    done: int = 0
    total: int | None = None
    unit: str = "images"


class ProgressListener(Protocol):
    """Hears of every moment; must not fail and must not wait."""

    def show(self, update: RunUpdate) -> None:
        """Show one moment."""
        ...


class SilentListener:
    """Shows nothing."""

    def show(self, update: RunUpdate) -> None:
        """See `ProgressListener.show`."""
