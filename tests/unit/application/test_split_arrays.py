"""More tasks than the cluster takes at once: several arrays one after the other, and nothing is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from biomero.application.describe_run import describe_run
from biomero.application.drive_here import drive_here
from biomero.application.engine.patience import Patience
from biomero.application.ports.progress import SilentListener
from biomero.domain.ids import RunId
from biomero.domain.job import JobRef, JobSpec
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import SchedulerBusyError
from biomero.testing.scheduler import FakeScheduler
from services.fake_world import FakeWorld

QUICK = Patience(first_s=0.01, longest_s=0.02, look_again_s=0.01, busy_s=0.01)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    made = FakeWorld.make(tmp_path)
    yield made
    made.services.record.close()


def drive(world: FakeWorld, run_id: RunId) -> WorkflowRun:
    return drive_here(run_id, world.services, world.cluster(), SilentListener(), patience=QUICK)


def sizes(world: FakeWorld, step: str) -> list[int]:
    return [job.array_size or 1 for job in world.scheduler.submissions if f"-{step}" in job.key]


def check_outputs(world: FakeWorld, run_id: RunId, images: int) -> None:
    outputs = describe_run(world.services.record, run_id).to_dict()["outputs"]
    kinds = Counter((output["image"], output["kind"], output["path"]) for output in outputs)
    assert set(kinds.values()) == {1}
    assert {image for image, _, _ in kinds} == set(range(images))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_array_size": 2}, [2, 2, 1]),
        ({"most_tasks": 3}, [2, 3]),
        ({"most_tasks": 2}, [2, 2, 1]),
        ({"most_tasks": 1}, [1, 1, 1, 1, 1]),
        ({"max_array_size": 4, "most_tasks": 4}, [4, 1]),
        ({}, [5]),
    ],
)
def test_batches_go_in_as_many_arrays_as_it_takes(
    world: FakeWorld, limits: dict[str, Any], expected: list[int]
) -> None:
    world.scheduler = FakeScheduler(world.jobs, **limits)
    run_id = world.order(*world.images(5), batch_size=1)
    assert drive(world, run_id).status is RunStatus.DONE
    assert sizes(world, "workflow") == expected
    check_outputs(world, run_id, 5)


@pytest.mark.parametrize(("most", "expected"), [(3, [2]), (1, [1]), (7, [6])])
def test_conversions_share_their_images_among_fewer_tasks(
    world: FakeWorld, most: int, expected: list[int]
) -> None:
    world.scheduler = FakeScheduler(world.jobs, most_tasks=most)
    run_id = world.order(*world.images(6 if most == 7 else 5))
    assert drive(world, run_id).status is RunStatus.DONE
    assert sizes(world, "conversion") == expected
    check_outputs(world, run_id, 6 if most == 7 else 5)


@pytest.mark.parametrize(("room", "expected"), [(1, [1] * 7), (2, [1, 2, 2, 2]), (4, [3, 4]), (7, [7])])
def test_batches_find_the_few_places_that_others_leave(
    world: FakeWorld, room: int, expected: list[int]
) -> None:
    world.scheduler.room = room
    run_id = world.order(*world.images(7), batch_size=1)
    run = drive(world, run_id)
    assert run.status is RunStatus.DONE
    assert sizes(world, "workflow") == expected
    check_outputs(world, run_id, 7)


def test_an_array_is_not_made_shorter_for_a_moment_without_room(world: FakeWorld) -> None:
    real, refused = world.scheduler.submit, Counter[str]()

    def submit(spec: JobSpec) -> JobRef:
        refused[spec.key] += 1
        if refused[spec.key] < QUICK.refusals:
            raise SchedulerBusyError("QOSMaxSubmitJobPerUserLimit")
        return real(spec)

    world.scheduler.submit = submit  # type: ignore[method-assign] # a fake scheduler that is busy
    run_id = world.order(*world.images(4), batch_size=1)
    assert drive(world, run_id).status is RunStatus.DONE
    assert (sizes(world, "conversion"), sizes(world, "workflow")) == ([4], [4])


def test_arrays_grow_again_when_there_is_room_again(world: FakeWorld) -> None:
    real = world.scheduler.submit

    def submit(spec: JobSpec) -> JobRef:
        ref = real(spec)
        if "-workflow" in spec.key:
            world.scheduler.room = None
        return ref

    world.scheduler.submit = submit  # type: ignore[method-assign] # others' jobs end meanwhile
    world.scheduler.room = 1
    run_id = world.order(*world.images(9), batch_size=1)
    run = drive(world, run_id)
    assert run.status is RunStatus.DONE
    assert sizes(world, "workflow") == [1, 2, 4, 2]


def test_a_refused_array_that_got_in_nevertheless_never_runs_beside_the_shorter_one(world: FakeWorld) -> None:
    real, refused = world.scheduler.submit, list[str]()

    def submit(spec: JobSpec) -> JobRef:
        if "-workflow" in spec.key and len(refused) < QUICK.refusals:
            refused.append(spec.key)
            if len(refused) == QUICK.refusals:
                real(spec)  # sbatch is killed while it tries again by itself
            raise SchedulerBusyError("Slurm temporarily unable to accept job")
        return real(spec)

    world.scheduler.submit = submit  # type: ignore[method-assign] # a fake scheduler that says too little
    run_id = world.order(*world.images(4), batch_size=1)
    assert drive(world, run_id).status is RunStatus.DONE
    assert sizes(world, "workflow") == [4, 2, 2]
    assert set(refused).isdisjoint(world.jobs.worked)
    check_outputs(world, run_id, 4)


@pytest.mark.slow
def test_a_batch_that_fails_is_one_of_several_arrays(world: FakeWorld) -> None:
    def fails_once(spec: JobSpec, index: int | None) -> int:
        return int("-workflow-2" in spec.key and index == 1)

    world.jobs.judge = fails_once
    world.scheduler = FakeScheduler(world.jobs, max_array_size=2)
    run_id = world.order(*world.images(5), batch_size=1)
    run = drive(world, run_id)
    assert run.status is RunStatus.DONE
    assert sorted(run.image_failures) == [1]
    assert sizes(world, "workflow") == [2, 2, 1]
