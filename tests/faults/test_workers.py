"""Workers that are killed, stopped, frozen and started again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from faults.counted_calls import Death, Point, Side
from faults.scenario import Scenario, Scenarios
from faults.scene import Scene
from faults.workers import LEASE_S, Supervisor, WorkerProcess
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
    """Twenty times SIGKILL on an open run, twelve at random moments and eight in the middle of a step; where
    five in a row hit one step, a person resumes the run."""
    draw = random.Random(20)  # noqa: S311 - the same walk each time
    (run,) = scene.submit(images=3)

    def is_paused() -> bool:
        return scene.status(run) == "paused"

    def go_on(status: str) -> None:
        def is_there() -> bool:
            if is_paused():  # five workers in a row died on one step
                scene.resume(run)
            return scene.reached(run, status)

        scene.wait_until(is_there, f"it is {status}")

    def kill_at_random(worker: Supervisor, times: int) -> None:
        for _ in range(times):
            time.sleep(draw.uniform(0.5, 4))
            assert scene.status(run) not in {"done", "failed"}
            worker.kill()
            if is_paused():
                scene.resume(run)

    def kill_within_a_step(worker: Supervisor, times: int) -> None:
        for _ in range(times):  # killed as soon as it has a step it does not end it: the run stays open
            assert _frozen_with_a_step(scene, worker.worker) == {run}
            assert scene.status(run) not in {"done", "failed"}
            worker.kill()

    with scene.supervised() as worker:
        with scene.held("workflow"):
            with scene.held("conversion"):
                kill_within_a_step(worker, 4)
                go_on("staging")
                kill_at_random(worker, 6)
            kill_at_random(worker, 6)
        go_on("fetching")
        kill_within_a_step(worker, 4)
        scene.wait_until_over(timeout_s=400)
    assert worker.starts > 20


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
    with scene.call_held("transfer.upload"), scene.worker(calls=scene.calls) as worker:
        held = set(scene.submit(2))
        scene.wait_until(lambda: _uploads(scene) == 2, "it is in the middle of two steps")
        with scene.worker("other") as other:
            scene.wait_until(
                lambda: any(map(other.is_named, scene.tables.leases())), "the other one is there"
            )
            scene.submit(2)
            (lease,) = [until for name, until in scene.tables.leases().items() if worker.is_named(name)]
            assert held <= {run for run, row in scene.tables.queue().items() if worker.is_named(row.owner)}
            worker.kill()
            _wait_until_left(scene, held, worker.is_named)
            # nobody waits for the lease of a process that is known to be dead
            assert time.time() < lease
            assert all(other.is_named(row.owner) for row in scene.tables.queue().values() if row.owner)
            scene.wait_until_over()


@SHARED.add()
def one_of_two_machines_dies(scene: Scene) -> None:
    """A worker on another machine dies with its runs; they are taken over when its lease has run out."""
    scene.submit(3)
    with scene.worker("far", elsewhere=True) as far:
        held = _frozen_with_a_step(scene, far, bool)
        ((name, lease),) = scene.tables.leases().items()
        far.kill()
    with scene.worker():
        _wait_until_left(scene, held, lambda owner: owner == name)
        assert time.time() >= lease  # until then it may as well be alive and slow
        scene.wait_until_over()


@SHARED.add()
def a_worker_is_frozen_past_its_lease_and_wakes(scene: Scene) -> None:
    """A worker on another machine freezes, a second one takes its runs over, and then the first one wakes:
    what it says of its steps is refused."""
    runs = scene.submit(3, images=2)
    with scene.worker("far", elsewhere=True) as far:
        held = _frozen_with_a_step(scene, far, bool)
        ((name, _),) = scene.tables.leases().items()
        before = scene.tables.tokens()
        with scene.worker():
            _wait_until_left(scene, held, lambda owner: owner == name)
            wait_until(
                lambda: all(scene.reached(run, "converting") for run in runs),
                "all are taken over",
                timeout_s=120,
            )
            far.thaw()
            scene.wait_until(lambda: "another process works on" in far.words, "it is told so", timeout_s=120)
            scene.wait_until_over()
    after = scene.tables.tokens()
    assert all(after[run] > before[run] for run in held)


@SHARED.add()
def the_watcher_of_two_is_killed(scene: Scene) -> None:
    """Two workers; the one that watches the cluster dies while jobs run, and the other one watches."""
    runs = scene.submit(2)
    with scene.worker() as watcher, ExitStack() as later:
        with scene.held():
            for run in runs:
                scene.wait_until_working(run, "workflow")
            other = later.enter_context(scene.worker("other"))
            scene.wait_until(
                lambda: any(map(other.is_named, scene.tables.leases())), "the other one is there"
            )
            assert any(map(watcher.is_named, scene.tables.watchers()))
            watcher.kill()
            scene.wait_until(
                lambda: any(map(other.is_named, scene.tables.watchers())), "the other one watches"
            )
        scene.wait_until_over()
        assert other.is_alive


def _frozen_with_a_step(
    scene: Scene, worker: WorkerProcess, is_it: Callable[[str], bool] | None = None
) -> set[str]:
    """Freeze a worker while it works on steps; return the runs that they are of.

    Parameters
    ----------
    is_it
        Says whether it is the owner of that name; without it, the number of its process tells.
    """

    def claims() -> set[str]:
        rows = scene.tables.queue().items()
        return {run for run, row in rows if row.owner and (is_it or worker.is_named)(row.owner)}

    for _ in range(50):
        scene.wait_until(lambda: bool(claims()), "it works on a step", timeout_s=120)
        worker.freeze()
        if held := claims():
            return held
        worker.thaw()
    raise AssertionError("it is never caught at a step")


def _wait_until_left(scene: Scene, runs: set[str], is_dead: Callable[[str], bool]) -> None:
    """Wait until runs are no longer those of a worker that is dead."""
    scene.wait_until(
        lambda: not any(is_dead(row.owner) for run, row in scene.tables.queue().items() if run in runs),
        "they are taken over",
        timeout_s=4 * LEASE_S,
    )


@pytest.mark.parametrize("scenario", SCENARIOS.params())
def test_workers(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)


@pytest.mark.postgres
@pytest.mark.parametrize("scenario", SHARED.params())
def test_several_workers(scenario: Scenario, shared_scene: Scene) -> None:
    scenario.play(shared_scene)
