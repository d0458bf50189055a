"""Workers that are killed, stopped, frozen and started again."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack

import pytest

from faults.counted_calls import Death, Point, Side
from faults.scenario import Scenario, Scenarios
from faults.scene import Scene
from faults.workers import LEASE_S, Supervisor
from services.processes import wait_until

SCENARIOS = Scenarios("The worker")
SHARED = Scenarios("Several workers, one record")
pytestmark = [pytest.mark.faults, pytest.mark.slurm, pytest.mark.sshd, pytest.mark.timeout(900)]


def _a_worker_is_killed_while_a_run_is(scene: Scene, status: str) -> None:
    """The worker is killed with SIGKILL when the run has reached the status {}; another one starts."""
    (run,) = scene.submit(images=2)
    with scene.supervised() as worker:
        scene.wait_until_reached(run, status)
        worker.kill()
        scene.wait_until_over()


SCENARIOS.each(
    _a_worker_is_killed_while_a_run_is,
    *("exporting", "staging", "converting", "queued", "running", "fetching", "importing"),
    short="converting",
)


@SCENARIOS.add()
def a_worker_is_killed_twenty_times_during_a_run(scene: Scene) -> None:
    """Twenty times SIGKILL at random moments; where five in a row hit one step, a person resumes the run."""
    draw = random.Random(20)  # noqa: S311 - the same walk each time
    (run,) = scene.submit(images=3)
    with scene.supervised() as worker, scene.held("conversion"):
        for _ in range(10):
            time.sleep(draw.uniform(0.5, 4))
            worker.kill()
    with scene.supervised() as worker:
        for _ in range(10):
            time.sleep(draw.uniform(0.5, 4))
            worker.kill()
            if scene.status(run) == "paused":  # five workers in a row died on one step
                scene.resume(run)
        if scene.status(run) == "paused":
            scene.resume(run)
        scene.wait_until_over(timeout_s=400)


@SCENARIOS.add()
def a_worker_is_stopped_and_another_one_goes_on(scene: Scene) -> None:
    """SIGTERM while images are being sent; the worker ends in good order, and the next one goes on."""
    (run,) = scene.submit(images=3)
    with scene.worker() as worker:
        scene.wait_until_reached(run, "exporting")
        assert worker.stop(within_s=45) == 0
    with scene.worker():
        scene.wait_until_over()


@SCENARIOS.add()
def nobody_works_while_the_jobs_do(scene: Scene) -> None:
    """The worker is killed when the job is submitted, and nobody is there until it has long ended."""
    (run,) = scene.submit(images=2)
    with scene.worker() as worker:
        with scene.held():
            scene.wait_until_working(run, "workflow")
            worker.kill()
        scene.wait_until_gone(run)
    with scene.worker():
        scene.wait_until_over()


@SCENARIOS.add()
def a_poison_run_is_put_aside_and_others_go_on(scene: Scene) -> None:
    """Each worker dies in the same call for one run, with three others in its hands whose steps last long.

    After five deaths that run is paused, and the others are done and never were.
    """
    (poison,) = scene.submit(may_end=["paused"])
    others = scene.submit(3)
    death = Death(Point("transfer.upload", 1), Side.BEFORE, poison)
    with ExitStack() as long_steps:
        long_steps.enter_context(scene.call_held("transfer.upload"))
        with scene.worker(calls=scene.calls) as first:
            scene.wait_until(lambda: _uploads(scene) == 4, "all four are at it")
            first.kill()
        with Supervisor(scene.worker(death=death, calls=scene.calls)) as worker:
            scene.wait_until(lambda: _lives(worker, 15), "a worker lives with one of the others")
            assert scene.status(poison) != "paused"
            long_steps.close()
            scene.wait_until_over()
    assert scene.status(poison) == "paused"
    assert not [run for run in others if scene.happened(run, "RunPaused")]


def _uploads(scene: Scene) -> int:
    calls = scene.calls.read_text().splitlines() if scene.calls.exists() else []
    return sum(call.startswith("transfer.upload#") for call in calls)


def _lives(worker: Supervisor, seconds: float) -> bool:
    """Say whether a worker lives for a while from now on."""
    starts = worker.starts
    time.sleep(seconds)
    return worker.starts == starts and worker.worker.is_alive


@SCENARIOS.add()
def a_worker_hangs_and_is_killed(scene: Scene) -> None:
    """The worker is frozen with SIGSTOP in the middle of a run, and killed half a minute later."""
    (run,) = scene.submit(images=2)
    with scene.worker() as worker:
        scene.wait_until_reached(run, "converting")
        worker.freeze()
        time.sleep(LEASE_S)
        worker.kill()
    with scene.worker():
        scene.wait_until_over()


@SCENARIOS.add()
def a_worker_is_frozen_for_ten_seconds(scene: Scene) -> None:
    """SIGSTOP in the middle of a run, SIGCONT ten seconds later; nothing was taken from it."""
    (run,) = scene.submit(images=2)
    with scene.worker() as worker:
        scene.wait_until_reached(run, "staging")
        worker.freeze()
        time.sleep(10)
        worker.thaw()
        scene.wait_until_over()


@SHARED.add(short=True)
def one_of_two_workers_is_killed(scene: Scene) -> None:
    """Two workers on one machine share four runs; one is killed, the other one takes over at once."""
    runs = scene.submit(4)
    with scene.worker("other"), scene.worker() as worker:
        wait_until(lambda: any(scene.reached(run, "staging") for run in runs), "they are at it", timeout_s=60)
        worker.kill()
        scene.wait_until_over()


@SHARED.add()
def one_of_two_machines_dies(scene: Scene) -> None:
    """A worker on another machine dies with its runs; they are taken over when its lease has run out."""
    runs = scene.submit(3)
    with scene.worker("far", elsewhere=True) as far:
        wait_until(lambda: any(scene.reached(run, "exporting") for run in runs), "it is at it", timeout_s=60)
        far.kill()
    with scene.worker():
        scene.wait_until_over()


@SHARED.add()
def a_worker_is_frozen_past_its_lease_and_wakes(scene: Scene) -> None:
    """A worker on another machine freezes, a second one takes its runs over, and then the first one wakes."""
    runs = scene.submit(3, images=2)
    with scene.worker("far", elsewhere=True) as far:
        wait_until(lambda: any(scene.reached(run, "staging") for run in runs), "it is at it", timeout_s=60)
        far.freeze()
        with scene.worker():
            wait_until(
                lambda: all(scene.reached(run, "converting") for run in runs),
                "all are taken over",
                timeout_s=120,
            )
            far.thaw()
            scene.wait_until_over()


@SHARED.add()
def the_watcher_of_two_is_killed(scene: Scene) -> None:
    """Two workers; the one that watches the cluster dies while jobs run, and the other one watches."""
    runs = scene.submit(2)
    with scene.worker() as watcher:
        with scene.held():
            for run in runs:
                scene.wait_until_working(run, "workflow")
            with scene.worker("other"):
                time.sleep(5)
                watcher.kill()
                time.sleep(2)
        with scene.worker("other"):
            scene.wait_until_over()


@pytest.mark.parametrize("scenario", SCENARIOS.params())
def test_workers(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)


@pytest.mark.postgres
@pytest.mark.parametrize("scenario", SHARED.params())
def test_several_workers(scenario: Scenario, shared_scene: Scene) -> None:
    scenario.play(shared_scene)
