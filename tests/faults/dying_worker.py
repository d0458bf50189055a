"""A worker whose every call of a port is counted, and which kills itself at the one it is told.

As a program (in the folder ``tests``)::

    python -m faults.dying_worker CALLS [DEATH]

CALLS is the file for the names of the calls; DEATH is such as ``transfer.upload#1:within``, with ``:`` and a
run's id after it where only the calls for that run count.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from biomero.application.engine.door import Door, RunWorld
from biomero.application.engine.engine import Engine
from biomero.application.ports.clock import Clock
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.run_queue import Claim
from biomero.application.run_request import RunRequest
from biomero.bootstrap.worker import open_worker
from biomero.domain.ids import RunId
from faults.counted_calls import Calls, Death, Seams, counted

CLOCK_JUMP = "BIOMERO_TEST_CLOCK_JUMP"
"""A file: as many seconds as it says, the worker's clock is ahead; it may change at any time."""


@dataclass(frozen=True, slots=True)
class CountedDoor:
    """Opens what another door opens, with all ports counted, those of some runs apart; see `Door`."""

    door: Door
    calls: Calls
    clock: Clock
    seams: Seams
    apart: Mapping[str, tuple[Calls, Seams]]

    @contextmanager
    def open(self, claim: Claim, request: RunRequest) -> Iterator[RunWorld]:
        """See `Door.open`."""
        calls, seams = self.apart.get(claim.run_id, (self.calls, self.seams))
        with self.door.open(claim, request) as world:
            services = replace(
                world.services,
                clock=self.clock,
                deliver=counted(world.services.deliver, "deliver", calls),
                report=counted(world.services.report, "report", calls),
            )
            yield RunWorld(services=services, cluster=seams.cluster(world.cluster))

    @contextmanager
    def watch(self, cluster: str) -> Iterator[Cluster]:
        """See `Door.watch`."""
        with self.door.watch(cluster) as opened:
            yield self.seams.cluster(opened)

    def forget(self, run_id: RunId) -> None:
        """See `Door.forget`."""
        self.door.forget(run_id)


@dataclass(frozen=True, slots=True)
class JumpingClock:
    """A machine's clock that somebody sets; see `Clock`."""

    clock: Clock
    ahead: Path

    def set(self) -> None:
        """Let also those who ask the system for the time, as the queue in SQLite does, get this clock's."""
        time.time = lambda: self.now().timestamp()

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self.clock.now() + timedelta(seconds=float(self.ahead.read_text()))

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        self.clock.sleep(seconds)


def main() -> None:
    """Drive everybody's runs until told to stop, or until the planned death."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    death = Death.parse(sys.argv[2]) if len(sys.argv) > 2 else None
    apart: dict[str, tuple[Calls, Seams]] = {}
    if death is not None and death.run_id:
        doomed = Calls(Path(os.devnull), death)  # nothing holds these calls up
        apart[death.run_id] = doomed, Seams(doomed)
        death = None
    calls = Calls(Path(sys.argv[1]), death)
    with open_worker(None, on_step=lambda *_: None) as parts:
        clock: Clock = parts.services.clock
        if CLOCK_JUMP in os.environ:
            clock = JumpingClock(clock, Path(os.environ[CLOCK_JUMP]))
            clock.set()
        queue = counted(parts.services.queue, "queue", calls)
        door = CountedDoor(parts.door, calls, clock, Seams(calls), apart)
        engine = Engine(queue, parts.services.record, door, parts.services.worker, clock)
        signal.signal(signal.SIGTERM, lambda *_: engine.stop())
        engine.run()


if __name__ == "__main__":
    main()
