"""What people want of a run while it is on its way, and what the engine tries again by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biomero.adapters.local.shell import LocalShell
from biomero.adapters.persistence.run_queue import SqlRunQueue
from biomero.application.cancel_run import cancel_run
from biomero.application.describe_run import describe_run
from biomero.application.drive_here import drive_here
from biomero.application.engine.door import OpenDoor
from biomero.application.engine.engine import Engine, EngineSettings
from biomero.application.engine.patience import Patience
from biomero.application.engine.place import POOLS
from biomero.application.engine.steps import STEPS
from biomero.application.pause_run import pause_run, resume_run
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import SilentListener
from biomero.application.ports.run_queue import Limits, QueueState, TryAgain, WorkerId
from biomero.application.ports.scheduler import Scheduler
from biomero.application.ports.shell import CommandResult
from biomero.application.request_cancel import request_cancel
from biomero.application.retry_run import Retry, retry_run
from biomero.domain.ids import JobKey, RunId
from biomero.domain.job import JobRef, JobSpec, JobState
from biomero.domain.retry import RetryPolicy
from biomero.domain.run_status import RunStatus
from biomero.errors import (
    ConnectionFailedError,
    DatabaseUnavailableError,
    RunPausedError,
    SchedulerBusyError,
    UsageError,
)
from services.fake_world import FakeWorld, at_work, state_of, wait_until

IMPATIENT = Patience(
    first_s=0.01,
    longest_s=0.02,
    retries=2,
    retries_while_away=2,
    look_again_s=0.01,
    busy_s=0.01,
    database_s=20,
)


class DeafScheduler:
    """Lets jobs run on that it was told to end, until it hears."""

    def __init__(self, real: Scheduler) -> None:
        self.hears = False
        self.asked = 0
        self._real = real

    def cancel(self, jobs: Sequence[JobRef]) -> None:
        self.asked += 1
        if self.hears:
            self._real.cancel(jobs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    made = FakeWorld.make(tmp_path)
    yield made
    made.services.record.close()


def drive(world: FakeWorld, run_id: RunId) -> RunStatus:
    return drive_here(run_id, world.services, world.cluster(), SilentListener(), patience=IMPATIENT).status


def engine(world: FakeWorld, *, pid: int = 99, cluster: Cluster | None = None, **options: Any) -> Engine:
    services = world.services
    door = OpenDoor(services=services, cluster=cluster or world.cluster())
    worker = WorkerId(host="here/", pid=pid, started=1)
    settings = EngineSettings(patience=IMPATIENT, tick_s=0.05, pulse_s=0.2, stop_within_s=5)
    return Engine(services.queue, services.record, door, worker, services.clock, settings=settings, **options)


def status_of(world: FakeWorld, run_id: RunId) -> RunStatus:
    return world.services.record.get(run_id).status


def workflow_key(run_id: RunId, number: int = 1) -> JobKey:
    return JobKey(f"biomero-{run_id}-workflow" + ("" if number == 1 else f"-{number}"))


def is_waiting(world: FakeWorld, run_id: RunId) -> bool:
    submitted = [spec.key for spec in world.scheduler.submissions]
    return workflow_key(run_id) in submitted and state_of(world, run_id) is QueueState.WAITING


# -- cancel


def test_a_run_that_was_not_begun_is_cancelled_without_its_cluster(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    world.scheduler.outage = ConnectionFailedError("no cluster here")
    request_cancel(run_id, world.services, requested_by="me")
    assert drive(world, run_id) is RunStatus.CANCELLED
    assert state_of(world, run_id) is QueueState.ENDED
    assert not (world.folder / "data").exists()


def test_a_run_whose_job_goes_on_is_cancelled_by_whoever_drives_it(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    world.scheduler.hold(workflow_key(run_id))
    with at_work(engine(world)):
        wait_until(lambda: is_waiting(world, run_id))
        request_cancel(run_id, world.services, requested_by="me")
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    run = world.services.record.get(run_id)
    assert run.status is RunStatus.CANCELLED
    (task,) = run.jobs[workflow_key(run_id)]["tasks"]
    assert task["state"] == "CANCELLED"


def test_a_paused_run_is_cancelled(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    pause_run(run_id, world.services, requested_by="me")
    with at_work(engine(world)):
        wait_until(lambda: state_of(world, run_id) is QueueState.PAUSED)
    cancelled = cancel_run(
        run_id, world.services, world.cluster(), SilentListener(), requested_by="me", patience=IMPATIENT
    )
    assert cancelled.status is RunStatus.CANCELLED


def test_a_cancelled_run_ends_when_its_cluster_is_back(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    world.scheduler.hold(workflow_key(run_id))
    with at_work(engine(world)):
        wait_until(lambda: is_waiting(world, run_id))
    world.scheduler.outage = ConnectionFailedError("the login node is away")
    with pytest.raises(ConnectionFailedError, match="the wish is recorded"):
        cancel_run(
            run_id, world.services, world.cluster(), SilentListener(), requested_by="me", patience=IMPATIENT
        )
    assert not status_of(world, run_id).is_final
    with at_work(engine(world, pid=100)):
        time.sleep(0.3)
        assert not status_of(world, run_id).is_final
        world.scheduler.outage = None
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    assert status_of(world, run_id) is RunStatus.CANCELLED


def test_a_run_is_not_cancelled_before_its_job_has_ended(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    world.scheduler.hold(workflow_key(run_id))
    deaf = DeafScheduler(world.scheduler)
    cluster = replace(world.cluster(), scheduler=deaf)
    with at_work(engine(world, cluster=cluster)):
        wait_until(lambda: is_waiting(world, run_id))
        request_cancel(run_id, world.services, requested_by="me")
        wait_until(lambda: deaf.asked > 5)
        run = world.services.record.get(run_id)
        assert not run.status.is_final
        assert run.trouble is not None
        assert "told to end, and not ended yet: job 2" in run.trouble["message"]
        with pytest.raises(UsageError, match="wait for its end"):
            retry_run(run_id, world.services, Retry.ALL, requested_by="me")
        deaf.hears = True
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    assert status_of(world, run_id) is RunStatus.CANCELLED


def test_a_job_that_nobody_heard_of_has_ended_too_when_a_run_is_cancelled(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    world.scheduler.hold(workflow_key(run_id))
    real = world.scheduler.submit

    def submit(spec: JobSpec) -> JobRef:
        ref = real(spec)
        if spec.key == workflow_key(run_id):
            raise ConnectionFailedError("the connection broke during the answer")
        return ref

    world.scheduler.submit = submit  # type: ignore[method-assign] # a fake scheduler far away
    deaf = DeafScheduler(world.scheduler)
    cluster = replace(world.cluster(), scheduler=deaf)
    with at_work(engine(world, cluster=cluster)):
        wait_until(lambda: workflow_key(run_id) in [spec.key for spec in world.scheduler.submissions])
        request_cancel(run_id, world.services, requested_by="me")
        wait_until(lambda: deaf.asked > 5)
        run = world.services.record.get(run_id)
        assert not run.status.is_final
        assert run.trouble is not None
        assert f"not ended yet: job {workflow_key(run_id)}" in run.trouble["message"]
        deaf.hears = True
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    assert status_of(world, run_id) is RunStatus.CANCELLED
    assert world.scheduler.load().jobs == ()


def test_a_wish_to_cancel_begins_anew_with_what_was_tried_in_vain(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    queue = world.services.queue
    for _ in range(7):
        (claim,) = queue.claim(WorkerId(host="here/", pid=98, started=1), Limits())
        queue.move(claim, TryAgain(after_s=0))
    request_cancel(run_id, world.services, requested_by="me")
    (claim,) = queue.claim(WorkerId(host="here/", pid=98, started=1), Limits())
    assert (claim.attempt, claim.cancel_requested) == (0, True)


# -- pause


def test_a_paused_run_leaves_its_job_alone_and_goes_on_with_it(world: FakeWorld) -> None:
    run_id = world.order(*world.images(2))
    world.scheduler.hold(workflow_key(run_id))
    with at_work(engine(world)):
        wait_until(lambda: is_waiting(world, run_id))
        pause_run(run_id, world.services, requested_by="me")
        wait_until(lambda: state_of(world, run_id) is QueueState.PAUSED)
        assert status_of(world, run_id) is RunStatus.PAUSED
        world.scheduler.release(workflow_key(run_id))
        resume_run(run_id, world.services, requested_by="me")
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    assert status_of(world, run_id) is RunStatus.DONE
    assert len(world.scheduler.submissions) == 2


def test_driving_a_run_that_was_paused_lets_it_go_on(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    pause_run(run_id, world.services, requested_by="me")
    with at_work(engine(world)):
        wait_until(lambda: state_of(world, run_id) is QueueState.PAUSED)
    assert drive(world, run_id) is RunStatus.DONE


# -- retry by a person


@pytest.mark.parametrize("what", [Retry.STEP, Retry.ALL])
def test_a_paused_run_gets_no_second_job_beside_the_one_that_goes_on(world: FakeWorld, what: Retry) -> None:
    run_id = world.order(*world.images(1))
    world.scheduler.hold(workflow_key(run_id))
    with at_work(engine(world)):
        wait_until(lambda: is_waiting(world, run_id))
        pause_run(run_id, world.services, requested_by="me")
        wait_until(lambda: state_of(world, run_id) is QueueState.PAUSED)
        with pytest.raises(UsageError, match=r"may still run: resume the run"):
            retry_run(run_id, world.services, what, requested_by="me")
        world.scheduler.release(workflow_key(run_id))
        resume_run(run_id, world.services, requested_by="me")
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    assert status_of(world, run_id) is RunStatus.DONE
    assert len(world.scheduler.submissions) == 2


def test_images_that_failed_are_tried_again_and_the_others_stay(world: FakeWorld) -> None:
    images = world.images(3)
    whole = images[1].read_bytes()
    run_id = world.order(*images)
    images[1].write_bytes(whole[:3000])
    assert drive(world, run_id) is RunStatus.DONE
    labels = world.folder / "results" / "labels"
    before = {path.name: path.stat().st_mtime_ns for path in labels.iterdir()}
    assert len(before) == 2
    images[1].write_bytes(whole)
    retry_run(run_id, world.services, Retry.FAILED_IMAGES, requested_by="me")
    assert not status_of(world, run_id).is_final
    assert drive(world, run_id) is RunStatus.DONE
    document = describe_run(world.services.record, run_id)
    assert [image.objects for image in document.images] == [1, 1, 1]
    assert [image.failure for image in document.images] == [None] * 3
    after = {path.name: path.stat().st_mtime_ns for path in labels.iterdir()}
    assert len(after) == 3
    assert before.items() <= after.items()
    assert len(world.scheduler.submissions) == 4


def test_a_step_that_failed_is_tried_again_with_a_new_job(world: FakeWorld) -> None:
    run_id = world.order(*world.images(2))
    world.jobs.judge = lambda spec, _index: int(spec.key == workflow_key(run_id))
    assert drive(world, run_id) is RunStatus.FAILED
    (world.folder / "data" / "runs" / run_id / "out" / "half.tif").write_text("of the first job")
    retry_run(run_id, world.services, Retry.STEP, requested_by="me")
    assert drive(world, run_id) is RunStatus.DONE
    keys = [spec.key for spec in world.scheduler.submissions]
    assert keys[1:] == [workflow_key(run_id), workflow_key(run_id, 2)]
    document = describe_run(world.services.record, run_id)
    assert [image.objects for image in document.images] == [1, 1]
    assert not [output for output in document.outputs if "half" in output.path]


def test_batches_that_failed_are_tried_again_alone(world: FakeWorld) -> None:
    run_id = world.order(*world.images(3), batch_size=1, on_error="stop")
    world.jobs.judge = lambda spec, index: int(spec.key == workflow_key(run_id) and index == 1)
    assert drive(world, run_id) is RunStatus.FAILED
    retry_run(run_id, world.services, Retry.STEP, requested_by="me")
    assert drive(world, run_id) is RunStatus.DONE
    assert world.scheduler.submissions[-1].array_size is None
    document = describe_run(world.services.record, run_id)
    assert [image.objects for image in document.images] == [1, 1, 1]


def test_a_run_that_is_done_can_be_done_again_from_the_beginning(world: FakeWorld) -> None:
    run_id = world.order(*world.images(2))
    assert drive(world, run_id) is RunStatus.DONE
    retry_run(run_id, world.services, Retry.ALL, requested_by="me")
    assert drive(world, run_id) is RunStatus.DONE
    assert len(world.scheduler.submissions) == 4
    assert len(list((world.folder / "results" / "labels").iterdir())) == 2


def test_a_run_without_failures_has_nothing_to_be_retried(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    with pytest.raises(UsageError, match="wait for its end"):
        retry_run(run_id, world.services, Retry.ALL, requested_by="me")
    drive(world, run_id)
    with pytest.raises(UsageError, match="no image"):
        retry_run(run_id, world.services, Retry.FAILED_IMAGES, requested_by="me")


# -- retry by itself


def test_a_job_without_enough_memory_gets_more(world: FakeWorld) -> None:
    run_id = world.order(*world.images(2))
    first = workflow_key(run_id)

    def judge(spec: JobSpec, _index: int | None) -> int:
        return int(spec.key == first)

    world.jobs.judge = judge
    real_end = world.scheduler.end

    def end(key: JobKey, state: JobState, **options: Any) -> None:
        is_first = key == first and state is JobState.FAILED
        real_end(key, JobState.OUT_OF_MEMORY if is_first else state, **options)

    world.scheduler.end = end  # type: ignore[method-assign] # the fake's own way to end a job otherwise
    cluster = world.cluster()
    settings = replace(
        cluster.settings,
        retry=RetryPolicy(memory_factor=2.0),
        resources=replace(cluster.settings.resources, memory_mb=1000),
    )
    cluster = replace(cluster, settings=settings)
    with at_work(engine(world, cluster=cluster)):
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    assert status_of(world, run_id) is RunStatus.DONE
    assert [s.resources.memory_mb for s in world.scheduler.submissions if "workflow" in s.key] == [1000, 2000]


@pytest.mark.slow
def test_a_full_cluster_is_waited_for_as_long_as_it_takes(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    real = world.scheduler.submit
    refused: list[str] = []

    def submit(spec: JobSpec) -> JobRef:
        if len(refused) < 8:
            refused.append(spec.key)
            raise SchedulerBusyError("QOSMaxSubmitJobPerUserLimit")
        return real(spec)

    world.scheduler.submit = submit  # type: ignore[method-assign] # a fake scheduler that is busy
    assert drive(world, run_id) is RunStatus.DONE


class Clumsy:
    """Delivers with a mistake of its own, as often as is wanted."""

    def __init__(self, real: Any, times: int) -> None:
        self._real = real
        self.times = times

    def deliver(self, **arguments: Any) -> Any:
        if self.times:
            self.times -= 1
            raise ZeroDivisionError("nobody expected this")
        return self._real.deliver(**arguments)


@pytest.mark.parametrize(("times", "status"), [(2, RunStatus.DONE), (3, RunStatus.PAUSED)])
def test_a_mistake_of_ours_is_tried_three_times(world: FakeWorld, times: int, status: RunStatus) -> None:
    world.services = replace(world.services, deliver=Clumsy(world.services.deliver, times))  # type: ignore[arg-type] # it delivers likewise
    run_id = world.order(*world.images(1))
    with at_work(engine(world, only=[run_id])):
        wait_until(lambda: state_of(world, run_id) in {QueueState.ENDED, QueueState.PAUSED})
    run = world.services.record.get(run_id)
    assert run.status is status
    assert (run.failure or {}).get("failure_class") == (None if status is RunStatus.DONE else "bug")


def test_what_may_pass_is_tried_again_and_recorded(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    world.scheduler.outage = ConnectionFailedError("the login node is away")
    with pytest.raises(RunPausedError, match="away"):
        drive(world, run_id)
    assert state_of(world, run_id) is QueueState.PAUSED
    world.scheduler.outage = None
    assert drive(world, run_id) is RunStatus.DONE


class Distracted(LocalShell):
    """Is cut off when it is to remove something, as often as is wanted."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def run(self, argv: Sequence[str], **how: Any) -> CommandResult:
        if argv[0] == "rm" and self.times:
            self.times -= 1
            raise ConnectionFailedError("the connection was lost")
        return super().run(argv, **how)


@pytest.mark.parametrize(("times", "left"), [(2, 0), (99, 1)])
def test_the_folder_of_a_run_that_is_done_is_removed_if_that_is_possible(
    world: FakeWorld, times: int, left: int
) -> None:
    run_id = world.order(*world.images(1))
    cluster = replace(world.cluster(), shell=Distracted(times))
    with at_work(engine(world, cluster=cluster)):
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    assert status_of(world, run_id) is RunStatus.DONE
    assert len(list((world.folder / "data" / "runs").iterdir())) == left
    assert (world.folder / "results" / "report.html").exists()


# -- the worker


def test_a_step_that_kills_its_workers_is_parked_and_others_go_on(world: FakeWorld) -> None:
    poison, other = world.order(*world.images(1)), world.order(*world.images(1), results="other")
    queue = world.services.queue
    dead: set[WorkerId] = set()
    tracker = world.services.record.tracker
    for number in range(IMPATIENT.crashes):
        worker = WorkerId(host="here/", pid=number, started=1)
        (claim,) = SqlRunQueue(tracker, is_gone=dead.__contains__).claim(worker, Limits(), only=[poison])
        assert claim.crashes == number
        dead.add(worker)
    world.services = replace(world.services, queue=SqlRunQueue(tracker, is_gone=dead.__contains__))
    with at_work(engine(world, pid=100)):
        wait_until(lambda: state_of(world, poison) is QueueState.PAUSED)
        wait_until(lambda: state_of(world, other) is QueueState.ENDED)
    run = world.services.record.get(poison)
    assert run.failure is not None
    assert "died" in run.failure["message"]
    assert status_of(world, other) is RunStatus.DONE
    assert queue is not world.services.queue


class Flaky:
    """A queue whose database is away now and then."""

    def __init__(self, real: Any, every: int) -> None:
        self._real = real
        self._every = every
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in {"change", "move", "claim", "tell"}:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            self._calls += 1
            if self._calls % self._every == 0:
                raise DatabaseUnavailableError("no connection to the database")
            return real(*args, **kwargs)

        return call


@pytest.mark.slow
def test_results_wait_for_the_database(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    world.services = replace(world.services, queue=Flaky(world.services.queue, 9))
    assert drive(world, run_id) is RunStatus.DONE
    assert world.services.record.get(run_id).trouble is None


def test_a_worker_that_stops_gives_back_what_it_has(world: FakeWorld) -> None:
    run_id = world.order(*world.images(1))
    world.scheduler.hold(workflow_key(run_id))
    with at_work(engine(world)):
        wait_until(lambda: is_waiting(world, run_id))
    assert world.services.queue.workers() == []
    world.scheduler.release(workflow_key(run_id))
    with at_work(engine(world, pid=100)):
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    assert status_of(world, run_id) is RunStatus.DONE


def test_every_step_has_its_pool() -> None:
    assert set(POOLS) == set(STEPS)
