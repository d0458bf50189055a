"""What may interrupt a step: somebody's wish, the worker's end, a lost claim."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from biomero.errors import BiomeroError


class StepInterrupted(BiomeroError):  # noqa: N818 - no error: what somebody asked for
    """A step stops before its end, at a place where that is safe."""


class CancelledByUser(StepInterrupted):
    """Somebody asked for the run's end."""


class PausedByUser(StepInterrupted):
    """Somebody asked for the run to stop for a while."""


class WorkerStops(StepInterrupted):
    """The process that works on the step is about to end; another one goes on."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What a step hears while it works.

    Parameters
    ----------
    wanted
        Somebody wants the run to end or to stop: its record says which.
    stopping
        The worker ends.
    """

    wanted: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
