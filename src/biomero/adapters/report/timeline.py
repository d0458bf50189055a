"""The steps of a run as bars along time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from biomero.application.run_document import RunTimes

_NAMES = 150.0
_WIDTH = 680.0
_THINNEST = 2.0
ROW = 26.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A step: its name and how long it took, and where its bar lies in a drawing of 960 units' width."""

    name: str
    seconds: float
    x: float
    y: float
    width: float


def bars(times: RunTimes) -> list[Bar]:
    """Return the bars of the steps that have come to an end, one a row."""
    steps = [s for s in times.steps if s.started is not None and s.seconds is not None]
    ends = [s.started + timedelta(seconds=s.seconds) for s in steps if s.started and s.seconds is not None]
    whole = (max(ends) - times.created).total_seconds() if ends else 0.0
    drawn = []
    for row, step in enumerate(steps):
        seconds = step.seconds or 0.0
        before = (step.started - times.created).total_seconds() if step.started else 0.0
        scale = _WIDTH / whole if whole > 0 else 0.0
        drawn.append(
            Bar(
                name=step.name,
                seconds=seconds,
                x=_NAMES + max(0.0, before) * scale,
                y=row * ROW,
                width=max(_THINNEST, seconds * scale),
            )
        )
    return drawn
