"""A worker dies at every call of a port that driving a run makes: before it, and within those that take time.

What lies after a call lies before the next one.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from faults.counted_calls import Death, Point, Side
from faults.scene import Scene
from faults.workers import WorkerProcess

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(3600)]

_SLOW = ("shell.run", "runtime.prepare", "transfer.upload", "transfer.listing", "transfer.download",
         "scheduler.submit", "scheduler.report", "deliver.deliver", "report.write_page")  # fmt: skip
_STEPS = ("queue.change", "queue.move", "queue.tell")
_OFTEN = ("queue.claim", "queue.pulse", "queue.waiting", "queue.lead", "scheduler.report")
"""Called again and again; the first few stand for all."""
_BY_SPEED = {*_OFTEN, "queue.change", "queue.tell", "shell.run", "transfer.listing"}
"""How often these are called depends on how quick the machine is, but half as often they always are."""


def _calls_of_a_run(scene: Scene) -> list[Point]:
    calls = scene.home / "calls"
    scene.submit()
    with scene.worker("counting", calls=calls):
        scene.wait_until_over()
    return [Point.parse(line) for line in dict.fromkeys(calls.read_text().splitlines())]


def _die_at_each(scene: Scene, names: tuple[str, ...], sides: tuple[Side, ...]) -> None:
    calls = _calls_of_a_run(scene)
    points = [p for p in calls if p.name in names]
    points = [p for p in points if p.name not in _OFTEN or p.number <= 3]
    assert points
    often = Counter(point.name for point in calls)
    survived = []
    for number, death in enumerate(Death(point, side) for point in points for side in sides):
        (run,) = scene.submit()
        made = scene.home / f"calls-{number}"
        with scene.worker(f"dying-{number}", death=death, calls=made) as worker:
            over = partial(_is_dead_or_over, worker, scene, run)
            scene.wait_until(over, str(death))
            if worker.is_alive and str(death.point) in made.read_text().splitlines():
                worker.wait(timeout_s=10)  # whoever made that call dies of it
            elif worker.is_alive:
                survived.append(death)
            worker.kill()
        with scene.worker(f"next-{number}"):
            scene.wait_until_over(run)
    print(f"of {len(points) * len(sides)} deaths did not happen: {survived}")  # noqa: T201 - pytest shows it
    assert not [death for death in survived if not _may_be_missed(death.point, often[death.point.name])]
    report = scene.audit()
    assert not report.findings, report.text


def _may_be_missed(point: Point, often: int) -> bool:
    """Say whether another run of the same kind may do without this call, if one had so many of that name."""
    return point.name in _BY_SPEED and point.number > max(1, often // 2)


def _is_dead_or_over(worker: WorkerProcess, scene: Scene, run_id: str) -> bool:
    return not worker.is_alive or scene.is_over(run_id)


@pytest.mark.parametrize("name", _STEPS)
def test_before_every_record(local_scene: Scene, name: str) -> None:
    _die_at_each(local_scene, (name,), (Side.BEFORE,))


@pytest.mark.parametrize("name", _STEPS)
def test_after_every_record(local_scene: Scene, name: str) -> None:
    _die_at_each(local_scene, (name,), (Side.AFTER,))


@pytest.mark.parametrize("name", _SLOW)
def test_before_and_within_every_act(local_scene: Scene, name: str) -> None:
    _die_at_each(local_scene, (name,), (Side.BEFORE, Side.WITHIN))


def test_around_every_look_into_the_queue(local_scene: Scene) -> None:
    _die_at_each(local_scene, _OFTEN, (Side.BEFORE, Side.AFTER))


@pytest.mark.slurm
@pytest.mark.sshd
@pytest.mark.parametrize("name", ["transfer.upload", "scheduler.submit", "transfer.download"])
def test_within_every_act_on_a_cluster(scene: Scene, name: str) -> None:
    _die_at_each(scene, (name,), (Side.WITHIN, Side.AFTER))


@pytest.mark.slurm
@pytest.mark.sshd
@pytest.mark.faults_short
@pytest.mark.parametrize("death", ["transfer.upload#1:within", "scheduler.submit#1:after"])
def test_at_some_acts_on_a_cluster(scene: Scene, death: str, tmp_path: Path) -> None:
    (run,) = scene.submit(images=2)
    with scene.worker("dying", death=Death.parse(death), calls=tmp_path / "calls") as worker:
        assert worker.wait() == -9
    with scene.worker():
        scene.wait_until_over(run)
    report = scene.audit()
    assert not report.findings, report.text
