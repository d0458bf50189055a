"""A walk through faults: runs come and go, and a person looks after those that are paused."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faults.scene import OVER, Scene
from faults.workers import Supervisor

_MOST_AT_ONCE = 6
_RUN_EVERY = 3
"""So many faults for each run."""
_PATIENCE_S = 900.0


class NoTargetError(LookupError):
    """There is nothing that a fault could break just now."""


@dataclass(kw_only=True)
class Walk:
    """One walk."""

    scene: Scene
    workers: list[Supervisor]
    draw: random.Random

    def go(self, count: int, faults: Sequence[Fault]) -> None:
        """Break things so many times; what finds nothing to break does not count."""
        done = tries = 0
        while done < count:
            if tries % _RUN_EVERY == 0 and len(self.open) < _MOST_AT_ONCE:
                (run,) = self.scene.submit(images=self.draw.choice([1, 1, 2, 3]))
                say(f"{done:4} run {run[:8]}")
            tries += 1
            fault = self.draw.choice(faults)
            say(f"{done:4} {fault.__name__.strip('_').replace('_', ' ')}")
            try:
                fault(self)
                done += 1
            except NoTargetError as exc:
                say(f"     not done: {exc}")
            self.pause(0.5, 4)
            self.look_after()
        say(f"{done} faults were done; {tries - done} more had no target")

    def pause(self, least: float, most: float) -> None:
        """Wait for a drawn while."""
        time.sleep(self.draw.uniform(least, most))

    @property
    def open(self) -> list[str]:
        """The runs that are not over."""
        events = self.scene.tables.events()
        return [run for run in self.scene.accepted if self.scene.stand(events, run) not in OVER]

    def some_job(self) -> str:
        """Return a job of ours that runs; raises NoTargetError where there is none."""
        assert self.scene.lab is not None
        for run in self.draw.sample(self.open, k=len(self.open)):
            running = [job for job, state in self.scene.jobs(run).items() if state == "RUNNING"]
            if running:
                return self.draw.choice(running)
        raise NoTargetError("no job runs")

    def look_after(self) -> None:
        """Do what a person does: let runs go on that are paused."""
        events = self.scene.tables.events()
        for run in self.scene.accepted:
            if self.scene.stand(events, run) == "paused":
                say(f"     somebody resumes {run[:8]}")
                self.scene.resume(run)

    def finish(self) -> None:
        """Wait until all runs are over, and resume those that are paused."""
        deadline = time.monotonic() + _PATIENCE_S
        while self.open or not self.scene.is_over(*self.scene.accepted):
            if time.monotonic() > deadline:
                say(f"still open after {_PATIENCE_S:.0f} s: {self.open}")
                return
            time.sleep(2)
            self.look_after()


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


Fault = Callable[[Walk], None]
