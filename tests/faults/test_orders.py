"""Orders that are sent twice, or whose sender dies; and clocks that jump."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from faults.dying_worker import CLOCK_JUMP
from faults.scenario import Scenario, Scenarios
from faults.scene import Scene, numbered_image
from faults.workers import WorkerProcess
from services.command import BIOMERO, THRESHOLD
from services.processes import wait_until

ORDERS = Scenarios("Orders")
CLOCKS = Scenarios("Clocks")
SHARED_CLOCKS = Scenarios("Clocks of two workers")
pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(900)]


def _images(scene: Scene) -> list[Path]:
    return [numbered_image(scene.home / f"cell_{i:03}.tif", 7 + i) for i in range(2)]


def _order(scene: Scene, images: Sequence[Path]) -> subprocess.Popen[bytes]:
    words = ("--out", str(scene.home / "results"), "--python", sys.executable, "--detach", "--json")
    argv = [str(BIOMERO), "run", str(THRESHOLD), *map(str, images), *words]
    return subprocess.Popen(
        argv, env=scene.env(), cwd=scene.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@ORDERS.add(short=True)
def the_same_order_is_sent_three_times_at_once(scene: Scene) -> None:
    """Three shells ask for the same run into the same folder; one is accepted, the others are refused."""
    images = _images(scene)
    with scene.worker():
        codes = sorted(order.wait(timeout=120) for order in [_order(scene, images) for _ in range(3)])
        assert codes == [0, 2, 2]
        scene.adopt(images, scene.home / "results")
        scene.wait_until_over()
    ends = sorted(scene.status(run) for run in scene.accepted)
    assert ends.count("done") == 1
    assert set(ends) <= {"done", "failed"}


@ORDERS.add()
def whoever_sends_an_order_is_killed(scene: Scene) -> None:
    """Ten shells that ask for a run are killed at random moments; what was accepted comes to its end."""
    draw = random.Random(10)  # noqa: S311 - the same walk each time
    images = _images(scene)
    with scene.worker():
        for number in range(10):
            order = _order(scene, images)
            time.sleep(draw.uniform(0.5, 3))
            order.kill()
            order.wait()
            if number % 3 == 2:
                scene.adopt(images, scene.home / "results")
        order = _order(scene, images)
        order.wait(timeout=120)
        scene.adopt(images, scene.home / "results")
        scene.wait_until_over()
    ends = [scene.status(run) for run in scene.accepted]
    assert ends.count("done") == 1


def _play(scene: Scene, *ahead_s: float) -> None:
    """Set the clock of a worker when its run gets on."""
    clock = scene.home / "clock"
    _set(clock, 0)
    (run,) = scene.submit(images=2)
    with _worker_with(clock, scene):
        for status, ahead in zip(("staging", "converting", "queued"), ahead_s, strict=False):
            scene.wait_until_reached(run, status)
            _set(clock, ahead)
        scene.wait_until_over()


def _play_beside_another(scene: Scene, ahead_s: float) -> None:
    """Set the clock of one of two workers while both are at runs that they share."""
    clock = scene.home / "clock"
    _set(clock, 0)
    runs = scene.submit(6, images=3)
    with scene.worker("right") as right, _worker_with(clock, scene) as wrong:
        wait_until(lambda: sum(scene.reached(run, "exporting") for run in runs) > 1, "they are at it")
        _set(clock, ahead_s)
        scene.wait_until_over()
    # whoever loses a run to the other one says so
    assert "another process works on" not in right.words + wrong.words


def _set(clock: Path, ahead_s: float) -> None:
    """Let a clock be that far ahead; a worker that reads the file finds a number at any moment."""
    fresh = clock.with_name("clock-to-be")
    fresh.write_text(str(ahead_s))
    fresh.replace(clock)


def _worker_with(clock: Path, scene: Scene) -> WorkerProcess:
    return scene.worker("wrong", calls=scene.calls, further={CLOCK_JUMP: str(clock)})


@CLOCKS.add()
def the_clock_jumps_an_hour_ahead(scene: Scene) -> None:
    """The worker's clock jumps an hour ahead while images are converted."""
    _play(scene, 0, 3600)


@CLOCKS.add()
def the_clock_jumps_a_day_back(scene: Scene) -> None:
    """The worker's clock jumps a day back while images are sent."""
    _play(scene, -86400)


@CLOCKS.add()
def the_clock_jumps_to_and_fro(scene: Scene) -> None:
    """The worker's clock is an hour ahead, then an hour behind, then right again, each in another step."""
    _play(scene, 3600, -3600, 0)


@SHARED_CLOCKS.add()
def one_of_two_clocks_jumps_an_hour_ahead(scene: Scene) -> None:
    """Two workers share six runs; the clock of one jumps an hour ahead: no lease has run out for that."""
    _play_beside_another(scene, 3600)


@SHARED_CLOCKS.add()
def one_of_two_clocks_jumps_an_hour_back(scene: Scene) -> None:
    """Two workers share six runs; the clock of one jumps an hour back: it does not seem dead for that."""
    _play_beside_another(scene, -3600)


@pytest.mark.parametrize("scenario", ORDERS.params())
def test_orders(scenario: Scenario, local_scene: Scene) -> None:
    scenario.play(local_scene)


@pytest.mark.parametrize("scenario", CLOCKS.params())
def test_clocks(scenario: Scenario, local_scene: Scene) -> None:
    scenario.play(local_scene)


@pytest.mark.postgres
@pytest.mark.parametrize("scenario", SHARED_CLOCKS.params())
def test_clocks_of_two(scenario: Scenario, local_shared_scene: Scene) -> None:
    scenario.play(local_shared_scene)
