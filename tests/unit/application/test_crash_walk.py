"""A process that dies at any call to the world outside leaves a run that another one finishes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from biomero.adapters.persistence.run_queue import SqlRunQueue
from biomero.application.describe_run import describe_run
from biomero.application.engine.door import OpenDoor
from biomero.application.engine.engine import Engine, EngineSettings
from biomero.application.engine.patience import Patience
from biomero.application.ports.run_queue import QueueState, WorkerId
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from services.fake_world import FakeWorld

_IMPATIENT = EngineSettings(
    patience=Patience(first_s=0.01, longest_s=0.02, look_again_s=0.01, crashes=1000),
    tick_s=0.05,
    stop_within_s=1.0,
)

_SEAMS = {
    "queue": {"change", "move", "tell"},
    "shell": {"run"},
    "transfer": {"upload", "upload_file", "download", "download_file", "listing"},
    "scheduler": {"submit", "report", "cancel"},
    "pyramids": {"write"},
    "deliver": {"deliver"},
    "report": {"write_page"},
}


_CALLS = 60
EVERY = [
    pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1200)], id="each"),
    pytest.param(5, id="some"),
]
"""How far from one call to the next at which a process dies, for those who walk elsewhere."""


class Death(BaseException):
    """The end of a process; nothing catches it."""


class Process:
    """Dies at a chosen call; whatever its threads do then comes to nothing."""

    def __init__(self, dies_at: int | None, *, before: bool) -> None:
        self.calls: list[str] = []
        self._dies_at = dies_at
        self._before = before
        self._is_dead = False
        self._lock = threading.Lock()

    def call(self, name: str, act: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        with self._lock:
            if self._is_dead:
                raise Death
            self.calls.append(name)
            dies = len(self.calls) - 1 == self._dies_at
            if dies:
                self._is_dead = True
        if dies and self._before:
            raise Death
        result = act(*args, **kwargs)
        if dies:
            raise Death
        return result


@dataclass
class Seam:
    """One port, as a process that may die has it."""

    real: Any
    process: Process
    name: str

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        if name not in _SEAMS[self.name]:
            return found
        return lambda *args, **kwargs: self.process.call(f"{self.name}.{name}", found, args, kwargs)


class Computer:
    """Starts one process after the other on the same disk."""

    def __init__(self, world: FakeWorld) -> None:
        self.world = world
        self.dead: set[WorkerId] = set()
        self._count = 0
        tracker = world.services.record.tracker
        queue = SqlRunQueue(tracker, is_gone=self.dead.__contains__)
        world.services = replace(world.services, queue=queue)

    def drive(self, run_id: RunId, dies_at: int | None = None, *, before: bool = True) -> Process:
        """Drive a run, and die on the way if that is wanted."""
        self._count += 1
        worker = WorkerId(host="here/", pid=self._count, started=self._count)
        process = Process(dies_at, before=before)

        def seam(name: str, real: Any) -> Any:
            return Seam(real, process, name)

        before_it = self.world.services
        queue = SqlRunQueue(before_it.record.tracker, is_gone=self.dead.__contains__)
        services = replace(
            before_it,
            queue=seam("queue", queue),
            worker=worker,
            pyramids=seam("pyramids", before_it.pyramids),
            deliver=seam("deliver", before_it.deliver),
            report=seam("report", before_it.report),
        )
        real = self.world.cluster()
        cluster = replace(
            real,
            shell=seam("shell", real.shell),
            transfer=seam("transfer", real.transfer),
            scheduler=seam("scheduler", real.scheduler),
        )
        engine = Engine(
            services.queue,
            services.record,
            OpenDoor(services=services, cluster=cluster),
            worker,
            services.clock,
            settings=_IMPATIENT,
            only=[run_id],
        )
        try:
            engine.run()
        except Death:
            self.dead.add(worker)
        return process


@pytest.fixture
def computer(tmp_path: Path) -> Iterator[Computer]:
    world = FakeWorld.make(tmp_path)
    yield Computer(world)
    world.services.record.close()


def check(computer: Computer, run_id: RunId) -> None:
    """Check the promise: done, each image once, one job for each key."""
    world = computer.world
    document = describe_run(world.services.record, run_id)
    assert document.status is RunStatus.DONE, document.failure
    place = world.services.queue.find(run_id)
    assert place is not None
    assert place.state is QueueState.ENDED
    assert Counter(o.image for o in document.outputs if o.kind.value == "label") == {0: 1, 1: 1}
    keys = [spec.key for spec in world.scheduler.submissions if run_id in spec.key]
    assert len(keys) == len(set(keys)) == 2
    worked = Counter(key for key in world.jobs.worked if run_id in key)
    assert worked == {keys[0]: 2, keys[1]: 1}  # the conversion is an array of two
    names = Counter(type(event).__name__ for event in events_of(computer, run_id))
    for once in ("WorkflowCompleted", "OutputsDelivered"):
        assert names[once] == 1
    assert names["JobRequested"] == names["JobSubmitted"] == 2
    assert not (world.folder / "data" / "runs" / run_id).exists()


def events_of(computer: Computer, run_id: RunId) -> list[Any]:
    return list(computer.world.services.record.tracker.events.get(UUID(run_id)))


def walk(computer: Computer, deaths: Sequence[tuple[int, bool]]) -> None:
    images = computer.world.images(2)
    for dies_at, before in deaths:
        run_id = computer.world.order(*images, results=f"results-{dies_at}-{before}")
        computer.drive(run_id, dies_at, before=before)
        computer.drive(run_id)
        check(computer, run_id)


def test_a_run_goes_to_its_end(computer: Computer) -> None:
    run_id = computer.world.order(*computer.world.images(2))
    process = computer.drive(run_id)
    check(computer, run_id)
    assert _CALLS - 20 < len(process.calls) < _CALLS, Counter(process.calls)


@pytest.mark.slow
def test_a_process_that_dies_now_and_then_loses_nothing(computer: Computer) -> None:
    walk(computer, [(n, n % 2 == 0) for n in range(0, _CALLS, 5)])


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_process_that_dies_at_any_call_loses_nothing(computer: Computer, *, before: bool) -> None:
    walk(computer, [(n, before) for n in range(_CALLS)])


def test_a_process_that_dies_again_and_again_comes_to_an_end(computer: Computer) -> None:
    run_id = computer.world.order(*computer.world.images(2))
    for number in range(20):
        computer.drive(run_id, 2 + number % 4, before=number % 2 == 0)
    computer.drive(run_id)
    check(computer, run_id)
