"""One watcher looks at a cluster for all runs: seldom, all at once, and nothing escapes it."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from biomero.application.engine.watch import JobWatcher
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.run_queue import (
    Limits,
    Pool,
    QueuedRun,
    QueueState,
    RunQueue,
    WaitForJob,
    WorkerId,
)
from biomero.application.record_json import job_to_json
from biomero.application.settings import AnalyticsSettings, ClusterSettings
from biomero.application.tracking import WorkflowTracker
from biomero.bootstrap import ClusterDoor, default_settings, make_queue, open_tracking
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobSpec, JobState
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import BiomeroError, SchedulerUnavailableError
from biomero.testing.scheduler import FakeScheduler

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class HandClock:
    """Time that a test moves on."""

    time: datetime = BEGIN

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Scheduler(FakeScheduler):
    """Knows how often it was asked, and about what."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[list[JobRef]] = []

    def report(self, jobs: Sequence[JobRef]) -> Mapping[SlurmJobId, JobReport]:
        self.questions.append(list(jobs))
        return super().report(jobs)


@dataclass(slots=True)
class World:
    """A queue, a cluster, and a clock."""

    tracker: WorkflowTracker
    queue: RunQueue
    scheduler: Scheduler
    cluster: str
    clock: HandClock = field(default_factory=HandClock)
    shown: list[tuple[RunId, RunUpdate]] = field(default_factory=list)
    pids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    obstacle: BiomeroError | None = None

    def worker(self, machine: str = "one") -> WorkerId:
        return WorkerId(host=f"{machine}/boot", pid=next(self.pids), started=1)

    @contextmanager
    def open(self) -> Iterator[Cluster]:
        if self.obstacle is not None:
            raise self.obstacle
        local = ClusterDoor(default_settings()).open(ClusterSettings())
        yield replace(local, scheduler=self.scheduler)

    def watcher(self, *, is_local: bool = False) -> JobWatcher:
        return JobWatcher(
            self.queue,
            self.cluster,
            self.open,
            self.worker(),
            self.clock,
            is_local=is_local,
            show=lambda run_id, update: self.shown.append((run_id, update)),
        )

    def waits(
        self, *, array: int | None = None, host: str | None = None, folder: Path | None = None
    ) -> tuple[RunId, JobRef]:
        """Put a run into the queue whose job was just submitted."""
        run = WorkflowRun(name="nuclei", description="", user=None, group=None)
        run.accept({"images": [{"index": 0}]})
        run.advance(RunStatus.QUEUED)
        key = JobKey(f"biomero-{run.run_id}-workflow")
        place = folder or f"/data/runs/{run.run_id}"
        job = self.scheduler.submit(
            JobSpec(key=key, script=f"{place}/job.sh", log=f"{place}/log", array_size=array)
        )
        run.request_job(key, "workflow")
        run.submit_job(key, job_to_json(job))
        queued = QueuedRun(
            run_id=run.run_id,
            step="analyse",
            pool=Pool.SUBMIT,
            cluster=self.cluster,
            requester="ada",
            host=host,
        )
        self.queue.add(queued, run)
        worker = self.worker(host or "one")
        (claim,) = self.queue.claim(worker, Limits(), only=[run.run_id])
        self.queue.move(claim, WaitForJob(job=job, step="judge_analysis", pool=Pool.FETCH))
        return run.run_id, job

    def run(self, run_id: RunId) -> WorkflowRun:
        return self.tracker.load(WorkflowRun, run_id)

    def state(self, run_id: RunId) -> QueueState:
        (found,) = (view for view in self.queue.view() if view.run_id == run_id)
        return found.state

    def events(self, run_id: RunId) -> int:
        return len(list(self.tracker.events.get(uuid.UUID(run_id))))

    def go_on(self, watcher: JobWatcher, seconds: float) -> list[float]:
        """Call the watcher as a worker does, for a while; return when it asked the cluster."""
        moments: list[float] = []
        end = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < end:
            looks, at = watcher.looks, (self.clock.now() - BEGIN).total_seconds()
            pause = watcher.run_once()
            if watcher.looks > looks:
                moments.append(at)
            assert pause > 0
            self.clock.sleep(pause)
        return moments


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkflowTracker]:
    """Return a record for all tests here, each of which has a cluster of its own."""
    settings = AnalyticsSettings(database_url="sqlite:///:memory:")
    tracking = open_tracking(settings, tmp_path_factory.mktemp("record"))
    assert isinstance(tracking.tracker, WorkflowTracker)
    yield tracking.tracker
    tracking.close()


@pytest.fixture
def world(tracker: WorkflowTracker) -> World:
    return World(tracker, make_queue(tracker), Scheduler(), f"lisa-{uuid.uuid4()}")


def test_while_no_run_waits_the_cluster_is_not_asked(world: World) -> None:
    assert world.go_on(world.watcher(), 300) == []
    assert world.scheduler.questions == []


def test_one_question_for_all_runs(world: World) -> None:
    runs = [world.waits() for _ in range(5)]
    watcher = world.watcher()
    watcher.run_once()
    assert [len(asked) for asked in world.scheduler.questions] == [5]
    assert {world.run(run_id).status for run_id, _ in runs} == {RunStatus.QUEUED}
    world.go_on(watcher, 10)
    assert {world.state(run_id) for run_id, _ in runs} == {QueueState.READY}
    for run_id, job in runs:
        run = world.run(run_id)
        assert run.status is RunStatus.RUNNING
        assert [task["state"] for task in run.jobs[job.key]["tasks"]] == ["COMPLETED"]


def test_looks_that_find_nothing_new_write_nothing_and_grow_seldom(world: World) -> None:
    run_id, job = world.waits()
    world.scheduler.hold(job.key)
    watcher = world.watcher()
    world.go_on(watcher, 10)
    before = world.events(run_id)
    moments = world.go_on(watcher, 400)
    assert world.events(run_id) == before
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    assert gaps == sorted(gaps)
    assert max(gaps) <= 62
    assert len(moments) < 16


def test_news_and_new_runs_are_looked_for_soon(world: World) -> None:
    _, slow = world.waits()
    world.scheduler.hold(slow.key)
    watcher = world.watcher()
    world.go_on(watcher, 150)
    new, _ = world.waits()
    world.go_on(watcher, 10)
    assert world.state(new) is QueueState.READY
    moments = world.go_on(watcher, 20)
    assert len(moments) >= 3


def test_a_run_is_over_when_every_task_of_its_array_has_ended(world: World) -> None:
    run_id, job = world.waits(array=2)
    watcher = world.watcher()
    world.scheduler.hold(job.key)
    world.go_on(watcher, 6)
    world.scheduler.end(job.key, JobState.OUT_OF_MEMORY, index=0)
    world.go_on(watcher, 10)
    assert world.state(run_id) is QueueState.WAITING
    world.scheduler.release(job.key)
    world.go_on(watcher, 20)
    assert world.state(run_id) is QueueState.READY
    states = [task["state"] for task in world.run(run_id).jobs[job.key]["tasks"]]
    assert states == ["OUT_OF_MEMORY", "COMPLETED"]


def test_a_job_that_nobody_knows_is_lost_after_ten_answers_and_a_minute(world: World) -> None:
    run_id, job = world.waits()
    world.scheduler.forget(job.key)
    watcher = world.watcher()
    world.go_on(watcher, 55)
    assert world.state(run_id) is QueueState.WAITING
    world.go_on(watcher, 45)
    assert world.state(run_id) is QueueState.READY
    assert watcher.looks >= 10


def test_a_question_that_fails_says_nothing_about_any_job(world: World) -> None:
    run_id, _ = world.waits()
    watcher = world.watcher()
    world.scheduler.outage = SchedulerUnavailableError("no controller")
    world.go_on(watcher, 400)
    assert world.state(run_id) is QueueState.WAITING
    assert watcher.problem == "no controller"
    assert watcher.looks < 30
    world.scheduler.outage = None
    world.go_on(watcher, 120)
    assert world.state(run_id) is QueueState.READY
    assert not watcher.unanswered


def test_a_cluster_that_cannot_be_opened_is_like_a_question_without_an_answer(world: World) -> None:
    run_id, _ = world.waits()
    watcher = world.watcher()
    world.obstacle = SchedulerUnavailableError("the way is cut")
    world.go_on(watcher, 60)
    assert (watcher.unanswered > 0, world.state(run_id)) == (True, QueueState.WAITING)


def test_of_two_workers_one_looks(world: World) -> None:
    world.waits()
    first, second = world.watcher(), world.watcher()
    first.run_once()
    second.run_once()
    assert (first.looks, second.looks) == (1, 0)


def test_who_gets_no_answer_steps_aside_for_another_worker(world: World) -> None:
    run_id, _ = world.waits()
    world.queue = make_queue(world.tracker, lease_s=0.0)
    first, second = world.watcher(), world.watcher()
    world.scheduler.outage = SchedulerUnavailableError("not from here")
    while first.unanswered < 5:
        world.clock.sleep(first.run_once())
    world.scheduler.outage = None
    first.run_once()
    looks = first.looks
    assert second.run_once() < 5
    first.run_once()
    assert (first.looks, second.looks) == (looks, 1)
    assert world.run(run_id).jobs


def test_two_of_our_jobs_of_one_id_are_not_mixed_up(world: World) -> None:
    lost, old = world.waits()
    world.scheduler.forget(old.key)
    new, job = world.waits()
    assert old.job_id == job.job_id
    world.scheduler.hold(job.key)
    watcher = world.watcher()
    world.go_on(watcher, 30)
    assert [len(asked) for asked in world.scheduler.questions[:2]] == [1, 1]
    assert world.run(lost).jobs[old.key]["tasks"] == []
    assert world.run(new).jobs[job.key]["tasks"][0]["state"] == "RUNNING"


def test_on_a_machine_its_own_jobs_alone_are_watched(world: World) -> None:
    mine, _ = world.waits(host="one")
    _, theirs = world.waits(host="two")
    watcher = world.watcher(is_local=True)
    moments = world.go_on(watcher, 20)
    assert world.state(mine) is QueueState.READY
    assert moments[1] - moments[0] <= 0.3
    assert theirs not in {job for asked in world.scheduler.questions for job in asked}


def test_people_are_shown_every_look(world: World) -> None:
    run_id, job = world.waits()
    world.watcher().run_once()
    ((shown, update),) = world.shown
    assert shown == run_id
    assert update.message == f"job {job.job_id} PENDING: Resources, number 1 in the queue"


def test_a_run_that_somebody_cancelled_meanwhile_is_left_alone(world: World) -> None:
    run_id, _ = world.waits()
    watcher = world.watcher()
    world.queue.request(run_id, "cancel", lambda run: run.request_cancel("ada"))
    (claim,) = world.queue.claim(world.worker(), Limits(), only=[run_id])
    world.go_on(watcher, 10)
    assert world.run(run_id).cancel_requested_by == "ada"
    assert claim.cancel_requested


def test_a_clock_that_is_put_back_stops_nothing(world: World) -> None:
    run_id, _ = world.waits()
    watcher = world.watcher()
    watcher.run_once()
    world.clock.time -= timedelta(days=1)
    world.go_on(watcher, 130)
    assert world.state(run_id) is QueueState.READY


def test_how_far_a_job_is_stands_in_its_log_and_is_recorded_now_and_then(
    world: World, tmp_path: Path
) -> None:
    run_id, job = world.waits(folder=tmp_path)
    world.scheduler.hold(job.key)
    log = tmp_path / "logs" / f"workflow-{job.job_id}.log"
    log.parent.mkdir()
    log.write_text("reading\n 10%|#        |\r 41.7%|####     |")
    watcher = world.watcher()
    world.go_on(watcher, 40)
    assert world.run(run_id).jobs[job.key]["percent"] == 41
    assert world.shown[-1][1].done == 41
    before = world.events(run_id)
    with log.open("a") as more:
        more.write("\r 43%")
    world.go_on(watcher, 70)
    assert world.shown[-1][1].done == 43
    assert world.events(run_id) == before
    with log.open("a") as more:
        more.write("\nPROGRESS 3/4\n")
    world.go_on(watcher, 80)
    assert world.run(run_id).jobs[job.key]["percent"] == 75
    assert world.events(run_id) == before + 1
