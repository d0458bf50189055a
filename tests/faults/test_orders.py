"""Orders that are sent twice, or whose sender dies; and clocks that jump."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from faults.dying_worker import CLOCK_JUMP
from faults.scenario import Scenario, Scenarios
from faults.scene import Scene, numbered_image
from services.command import BIOMERO, THRESHOLD

ORDERS = Scenarios("Orders")
CLOCKS = Scenarios("Clocks")
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


def _jumping(ahead_s: Sequence[float]) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        clock = scene.home / "clock"
        clock.write_text("0")
        (run,) = scene.submit(images=2)
        with scene.worker(calls=scene.home / "calls", further={CLOCK_JUMP: str(clock)}):
            for status, ahead in zip(("staging", "converting", "queued"), ahead_s, strict=False):
                scene.wait_until_reached(run, status)
                clock.write_text(str(ahead))
            scene.wait_until_over()

    return act


@CLOCKS.add()
def the_clock_jumps_an_hour_ahead(scene: Scene) -> None:
    """The worker's clock jumps an hour ahead while images are converted."""
    _jumping([0, 3600])(scene)


@CLOCKS.add()
def the_clock_jumps_a_day_back(scene: Scene) -> None:
    """The worker's clock jumps a day back while images are sent."""
    _jumping([-86400])(scene)


@CLOCKS.add()
def the_clock_jumps_to_and_fro(scene: Scene) -> None:
    """The worker's clock is an hour ahead, then an hour behind, then right again, each in another step."""
    _jumping([3600, -3600, 0])(scene)


@pytest.mark.parametrize("scenario", ORDERS.params())
def test_orders(scenario: Scenario, local_scene: Scene) -> None:
    scenario.play(local_scene)


@pytest.mark.parametrize("scenario", CLOCKS.params())
def test_clocks(scenario: Scenario, local_scene: Scene) -> None:
    scenario.play(local_scene)
