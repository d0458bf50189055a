"""What an engine does when something around it is odd: no run is stuck, and the others go on."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from biomero.application.engine.body import Memory
from biomero.application.engine.door import OpenDoor
from biomero.application.engine.engine import Engine, EngineSettings
from biomero.application.engine.patience import Patience
from biomero.application.engine.trouble import after
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.run_queue import (
    Claim,
    Limits,
    Park,
    Pool,
    Pulse,
    QueueState,
    WorkerId,
)
from biomero.domain.ids import RunId
from biomero.domain.job import JobRef, JobSpec
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import (
    AuthenticationFailedError,
    ClusterBarredError,
    ContainerImageError,
    DatabaseUnavailableError,
    HostKeyError,
    NoSpaceError,
    RecordError,
    RemotePermissionError,
    SchedulerBusyError,
    SubmissionRejectedError,
)
from services.fake_world import FakeWorld, at_work, state_of, wait_until

QUICK = Patience(first_s=0.01, longest_s=0.02, look_again_s=0.01, busy_s=0.3)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    made = FakeWorld.make(tmp_path)
    yield made
    made.services.record.close()


@contextmanager
def working(world: FakeWorld, queue: Any = None, **settings: Any) -> Iterator[Engine]:
    services = world.services
    driver = Engine(
        queue or services.queue,
        services.record,
        OpenDoor(services=services, cluster=world.cluster()),
        WorkerId(host="here/", pid=99, started=1),
        services.clock,
        settings=EngineSettings(patience=QUICK, tick_s=0.05, pulse_s=0.05, stop_within_s=5, **settings),
    )
    with at_work(driver):
        yield driver


class OddQueue:
    """The real queue, some of whose methods do something else first."""

    def __init__(self, real: Any, **first: Callable[..., Any]) -> None:
        self._real = real
        self._first = first

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in self._first:
            return real
        return lambda *args, **options: self._first[name](real, *args, **options)


def test_a_claim_is_not_kept_when_an_older_one_of_the_run_was_lost(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    told: list[Pulse] = []

    def pulse(real: Callable[..., Pulse], worker: WorkerId) -> Pulse:
        found = real(worker)
        if not told and state_of(world, run_id) is QueueState.CLAIMED:
            # as after a freeze, in which others had the run and gave it back
            told.append(Pulse(lost=frozenset({run_id})))
            return told[0]
        return found

    with working(world, OddQueue(world.services.queue, pulse=pulse)):
        wait_until(lambda: bool(told))
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)


def test_a_run_that_cannot_be_read_takes_no_room_from_others(world: FakeWorld) -> None:
    odd = world.order(*world.images(1))
    tracker: Any = world.services.record.tracker
    table = tracker.recorder.table
    with tracker.factory.engine.begin() as connection:
        topics = sa.select(table.c.topic).where(table.c.topic.like("%RunRequested"))
        (topic,) = connection.execute(topics).scalars()
        connection.execute(
            sa.update(table).where(table.c.topic == topic).values(topic=topic.replace("Run", "FromTomorrow"))
        )
    tracker.repository._remembered.clear()  # as a process that did not write it
    other = world.order(*world.images(1), results="other")
    with working(world, limits=Limits(pools=dict.fromkeys(Pool, 1))):
        wait_until(lambda: state_of(world, other) is QueueState.ENDED)
        wait_until(lambda: state_of(world, odd) is QueueState.READY)


def test_an_error_of_the_queue_is_survived(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    errors = [RecordError("a row that nobody understands"), ZeroDivisionError("nobody expected this")]

    def claim(real: Callable[..., list[Claim]], *args: Any, **options: Any) -> list[Claim]:
        if errors:
            raise errors.pop()
        return real(*args, **options)

    with working(world, OddQueue(world.services.queue, claim=claim)):
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)


@pytest.mark.slow
def test_of_all_who_want_room_on_a_full_cluster_one_asks(world: FakeWorld) -> None:
    runs = [world.order(*world.images(1), results=f"results-{n}") for n in range(4)]
    real = world.scheduler.submit
    tries: list[float] = []
    is_full = True

    def submit(spec: JobSpec) -> JobRef:
        tries.append(time.monotonic())
        if is_full:
            raise SchedulerBusyError("QOSMaxSubmitJobPerUserLimit")
        return real(spec)

    world.scheduler.submit = submit  # type: ignore[method-assign] # a fake scheduler that is full
    with working(world, limits=Limits(pools={Pool.SUBMIT: 1})) as driver:
        wait_until(lambda: len(tries) >= 5)
        assert tries[4] - tries[0] >= 4 * QUICK.busy_s  # not once in each pause for each of the runs
        assert driver.full == {"local": "QOSMaxSubmitJobPerUserLimit; tried again every 0 s"}
        is_full = False
        wait_until(lambda: all(state_of(world, run_id) is QueueState.ENDED for run_id in runs))
        assert driver.at_work == []
        assert driver.full == {}


@pytest.mark.slow
def test_a_worker_that_stops_does_not_storm_a_database_that_is_away(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    calls: list[float] = []

    def away(_real: Callable[..., Any], *_args: Any, **_options: Any) -> Any:
        calls.append(time.monotonic())
        raise DatabaseUnavailableError("no connection to the database")

    with working(world, OddQueue(world.services.queue, change=away, move=away)) as driver:
        wait_until(lambda: bool(calls))
        driver.stop()
    assert len(calls) < 50
    assert state_of(world, run_id) is QueueState.READY  # given back


def test_what_is_remembered_of_runs_does_not_grow_for_ever() -> None:
    memory = Memory()
    for number in range(5000):
        memory.remember(_claim(str(number)), PreparedProgram(argv=("true",)), None)
    assert len(memory.made) < 500
    assert memory.programs(_claim("4999", token=2))[0] is not None


def test_what_is_remembered_of_a_run_is_not_used_when_others_had_it_meanwhile() -> None:
    memory = Memory()
    memory.remember(_claim("1"), PreparedProgram(argv=("true",)), None)
    assert memory.programs(_claim("1", token=3)) == (None, None)


def _claim(run_id: str, *, token: int = 1) -> Claim:
    return Claim(
        run_id=RunId(run_id),
        step="stage",
        pool=Pool.STAGE,
        token=token,
        attempt=0,
        cluster="fake",
        requester="ada",
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ClusterBarredError("three logins were refused"), RunStatus.PAUSED),
        (AuthenticationFailedError("lisa refused the key"), RunStatus.PAUSED),
        (HostKeyError("lisa showed another key"), RunStatus.PAUSED),
        (NoSpaceError("lisa has no space left"), RunStatus.PAUSED),
        (RemotePermissionError("lisa does not let us write"), RunStatus.PAUSED),
        (OSError(errno.ENOSPC, "no space left here"), RunStatus.PAUSED),
        (OSError(errno.EROFS, "this disk is read-only"), RunStatus.PAUSED),
        (SubmissionRejectedError("no partition nope"), RunStatus.FAILED),
        (ContainerImageError("no such image"), RunStatus.FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_somebody_can_put_right_pauses_runs_that_were_not_begun(
    error: Exception, status: RunStatus
) -> None:
    run = WorkflowRun(name="nuclei", description="", user=None, group=None)
    run.accept({"images": [{"index": 0}]})
    claim = Claim(
        run_id=run.run_id,
        step="prepare",
        pool=Pool.STAGE,
        token=1,
        attempt=0,
        cluster="lisa",
        requester="ada",
    )
    end = after(error, run, claim, QUICK, None)
    assert isinstance(end.move, Park) is (status is RunStatus.PAUSED)
    assert end.decide is not None
    end.decide(run)
    assert run.status is status
