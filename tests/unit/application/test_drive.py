"""What the engine does when the world around it fails: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from biomero.adapters.containers.process import ProcessRuntime
from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.cancel_run import cancel_run
from biomero.application.deliver_results import Delivery
from biomero.application.describe_run import describe_run
from biomero.application.drive_here import drive_here
from biomero.application.engine.patience import Patience
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import SilentListener
from biomero.application.services import Services
from biomero.application.settings import ClusterSettings, Settings
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.bootstrap import make_services, settings_for
from biomero.domain.ids import RunId, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobSpec
from biomero.domain.run_status import RunStatus
from biomero.errors import (
    AuthenticationFailedError,
    ConnectionFailedError,
    RunPausedError,
    UnparsableOutputError,
)
from biomero.testing.scheduler import FakeScheduler
from services.command import THRESHOLD, image_file


def by_bash(spec: JobSpec, index: int | None) -> int:
    """Run a job script for real, as Slurm would."""
    task = {} if index is None else {"SLURM_ARRAY_JOB_ID": "1", "SLURM_ARRAY_TASK_ID": str(index)}
    env = {**os.environ, "SLURM_JOB_ID": "1", **task}
    log = spec.log.replace("%j", "1").replace("%A", "1").replace("%a", str(index))
    with Path(log).open("wb") as output:
        return subprocess.run(
            ["bash", spec.script], env=env, stdout=output, stderr=output, check=False
        ).returncode


class Scheduler(FakeScheduler):
    """Does the work, and fails as the tests want it."""

    def __init__(self) -> None:
        super().__init__(by_bash)
        self.answers: list[Exception] = []
        self.deaf_after_submitting = False
        self.forgotten: set[tuple[str, int]] = set()
        self.cancelled: list[JobRef] = []

    def submit(self, spec: JobSpec) -> JobRef:
        ref = super().submit(spec)
        if self.deaf_after_submitting:
            raise ConnectionFailedError("the connection was lost before the answer")
        return ref

    def report(self, jobs: Sequence[JobRef]) -> Mapping[SlurmJobId, JobReport]:
        if self.answers:
            raise self.answers.pop(0)
        reports = dict(super().report(jobs))
        for ref in jobs:
            lost = tuple(index for step, index in self.forgotten if ref.key.endswith(step))
            known = tuple(t for t in reports[ref.job_id].tasks if t.index not in lost)
            reports[ref.job_id] = replace(reports[ref.job_id], tasks=known, missing_tasks=lost)
        return reports

    def cancel(self, jobs: Sequence[JobRef]) -> None:
        self.cancelled.extend(jobs)
        super().cancel(jobs)


IMPATIENT = Patience(first_s=0.01, longest_s=0.02, retries_while_away=2, look_again_s=0.01, busy_s=0.01)


class QuickClock:
    """Waits for nobody."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        pass


@dataclass
class FullDisk:
    """Delivers as the real one does, once there is space."""

    real: Any
    is_full: bool = True

    def deliver(self, **arguments: Any) -> Delivery:
        if self.is_full:
            raise OSError(28, "No space left on device")
        delivery: Delivery = self.real.deliver(**arguments)
        return delivery


@dataclass
class World:
    """A user with a cluster in one process."""

    folder: Path
    services: Services
    scheduler: Scheduler = field(default_factory=Scheduler)

    def order(self, *images: Path, **options: Any) -> RunId:
        order = Order(
            workflow=str(THRESHOLD),
            images=images,
            results=self.folder / "results",
            python=sys.executable,
            runtime="process",
            **options,
        )
        return accept_order(check_order(order, self.services), self.services)

    def cluster(self) -> Cluster:
        shell, transfer = LocalShell(), LocalTransfer()
        settings = ClusterSettings(name="fake", data_path=str(self.folder / "data"))
        process = ProcessRuntime(shell, transfer, settings.data_path, python=sys.executable)

        def runtime(name: str, *, python: str | None, image: str | None) -> ProcessRuntime:  # noqa: ARG001 - the port's signature
            return process

        return Cluster(
            settings=settings,
            shell=shell,
            transfer=transfer,
            scheduler=self.scheduler,
            runtime=runtime,
            converter=process,
        )

    def drive(self, run_id: RunId) -> RunStatus:
        return drive_here(run_id, self.services, self.cluster(), SilentListener(), patience=IMPATIENT).status

    def objects(self, run_id: RunId) -> list[int | None]:
        return [image.objects for image in describe_run(self.services.record, run_id).images]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    settings: Settings = replace(settings_for(), state_folder=tmp_path / "state")
    services = replace(make_services(settings), clock=QuickClock())
    yield World(folder=tmp_path, services=services)
    services.record.close()


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return [image_file(tmp_path / f"cell_{i}.tif", seed=i) for i in range(3)]


@pytest.mark.slow
def test_a_run_goes_through_all_its_steps(world: World, images: list[Path]) -> None:
    run_id = world.order(*images)
    assert world.drive(run_id) is RunStatus.DONE
    assert world.objects(run_id) == [1, 1, 1]
    document = (world.folder / "results" / "run.json").read_text()
    assert '"remote_commands": 0' not in document


def test_a_run_is_described_before_anything_was_done_for_it(world: World, images: list[Path]) -> None:
    document = describe_run(world.services.record, world.order(*images))
    assert document.status is RunStatus.SUBMITTED
    assert document.times.steps == ()


@pytest.mark.slow
def test_driving_a_finished_run_again_changes_nothing(world: World, images: list[Path]) -> None:
    run_id = world.order(*images)
    world.drive(run_id)
    before = describe_run(world.services.record, run_id)
    assert world.drive(run_id) is RunStatus.DONE
    after = describe_run(world.services.record, run_id)
    assert (after.outputs, after.images, len(world.scheduler.submissions)) == (
        before.outputs,
        before.images,
        2,
    )


@pytest.mark.slow
def test_a_full_disk_while_delivering_pauses_the_run(world: World, images: list[Path]) -> None:
    disk = FullDisk(world.services.deliver)
    world.services = replace(world.services, deliver=disk)  # type: ignore[arg-type] # it delivers likewise
    run_id = world.order(*images)
    with pytest.raises(RunPausedError, match="No space left"):
        world.drive(run_id)
    assert world.services.record.get(run_id).status is RunStatus.PAUSED
    disk.is_full = False
    assert world.drive(run_id) is RunStatus.DONE
    assert world.objects(run_id) == [1, 1, 1]
    assert len(world.scheduler.submissions) == 2


@pytest.mark.slow
def test_a_refused_login_while_a_job_runs_pauses_the_run(world: World, images: list[Path]) -> None:
    world.scheduler.answers = [AuthenticationFailedError("the certificate has expired")] * 10
    run_id = world.order(*images)
    with pytest.raises(RunPausedError, match="expired"):
        world.drive(run_id)
    assert world.drive(run_id) is RunStatus.DONE
    assert len(world.scheduler.submissions) == 2


@pytest.mark.slow
def test_an_answer_that_is_not_understood_says_nothing_of_the_job(world: World, images: list[Path]) -> None:
    world.scheduler.answers = [UnparsableOutputError("squeue: what?")] * 3
    run_id = world.order(*images)
    assert world.drive(run_id) is RunStatus.DONE


@pytest.mark.slow
def test_a_job_whose_submission_nobody_heard_of_is_cancelled_too(world: World, images: list[Path]) -> None:
    world.scheduler.deaf_after_submitting = True
    run_id = world.order(*images)
    with pytest.raises(RunPausedError, match="lost"):
        world.drive(run_id)
    (spec,) = world.scheduler.submissions
    with world.cluster() as cluster:
        run = cancel_run(run_id, world.services, cluster, SilentListener(), requested_by="me")
    assert run.status is RunStatus.CANCELLED
    assert [ref.key for ref in world.scheduler.cancelled] == [spec.key]


@pytest.mark.slow
def test_a_submission_that_nobody_heard_of_is_found_again(world: World, images: list[Path]) -> None:
    world.scheduler.deaf_after_submitting = True
    run_id = world.order(*images)
    with pytest.raises(RunPausedError, match="lost"):
        world.drive(run_id)
    world.scheduler.deaf_after_submitting = False
    assert world.drive(run_id) is RunStatus.DONE
    assert len(world.scheduler.submissions) == 2


@pytest.mark.slow
def test_an_array_task_that_nobody_knows_fails_its_images_only(world: World, images: list[Path]) -> None:
    run_id = world.order(*images, batch_size=1)
    world.scheduler.forgotten = {("workflow", 1)}
    assert world.drive(run_id) is RunStatus.DONE
    failed = world.services.record.get(run_id).image_failures
    assert list(failed) == [1]
    assert "known to nobody" in failed[1]["message"]
