"""Workers are killed and frozen at any moment; nothing is lost, and nothing is recorded twice.

``BIOMERO_TEST_KILLS=200`` makes it as often as one has time for.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from biomero.adapters.system import this_worker
from biomero.application.ports.run_queue import Claim, End, Limits, RunQueue, WorkerId
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from contract.queue.conftest import Opener
from services.processes import wait_until
from services.queue_program import STEPS
from services.queues import OpenQueue, a_worker

KILLS = int(os.environ.get("BIOMERO_TEST_KILLS", "40"))
TESTS = Path(__file__).resolve().parents[2]
SHORT_S = 2.0
LEASE_S = 5.0

pytestmark = pytest.mark.slow


@contextmanager
def program(address: str, word: str, *, machine: str = "-", lease_s: float = 30.0) -> Iterator[Talk]:
    """Start the toy engine; it ends with the block, or with this process."""
    with subprocess.Popen(
        [sys.executable, "-m", "services.queue_program"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=TESTS,
    ) as process:
        try:
            talk = Talk(process)
            talk.say(address, str(lease_s), machine, word)
            yield talk
        finally:
            process.kill()


class Talk:
    """What the toy engine is told, and what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def say(self, *lines: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{line}\n" for line in lines))
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)


def next_claim(queue: RunQueue, worker: WorkerId) -> Claim:
    given: list[Claim] = []

    def is_given() -> bool:
        given.extend(queue.claim(worker, Limits()))
        return bool(given)

    wait_until(is_given, "a run is given out")
    return given[0]


def test_what_a_killed_worker_had_is_given_out_at_once_on_the_same_machine(
    address: str, world: OpenQueue
) -> None:
    run_id = world.added()
    with program(address, "hold", lease_s=3600) as dead:
        token = int(dead.hear())
        assert world.queue.claim(this_worker(), Limits()) == []
        dead.signal(signal.SIGKILL)
        claim = next_claim(world.queue, this_worker())
    assert (claim.run_id, claim.token) == (run_id, token + 1)
    assert world.queue.move(claim, End(), lambda run: run.complete()).status is RunStatus.DONE


def test_what_a_killed_worker_had_is_given_out_elsewhere_after_its_lease(
    address: str, opened: Opener
) -> None:
    world = opened(SHORT_S)
    run_id = world.added()
    with program(address, "hold", machine="elsewhere", lease_s=SHORT_S) as dead:
        dead.hear()
        dead.signal(signal.SIGKILL)
        claim = next_claim(world.queue, a_worker())
    assert claim.run_id == run_id


def test_a_frozen_worker_stores_nothing_after_another_one_has_taken_over(
    address: str, opened: Opener
) -> None:
    world = opened(SHORT_S)
    run_id = world.added()
    with program(address, "hold", lease_s=SHORT_S) as frozen:
        frozen.hear()
        frozen.say("change")
        assert frozen.hear() == "stored"
        frozen.signal(signal.SIGSTOP)
        claim = next_claim(world.queue, this_worker())
        frozen.signal(signal.SIGCONT)
        frozen.say("change", "move")
        assert [frozen.hear(), frozen.hear()] == ["lost", "lost"]
        assert len(world.run(run_id).sessions) == 1
        world.queue.move(claim, End(), lambda run: run.complete())
        frozen.say("move")
        assert frozen.hear() == "lost"
    assert world.run(run_id).status is RunStatus.DONE


@pytest.mark.timeout(1800)
def test_each_step_is_recorded_once_however_often_workers_are_killed(address: str, world: OpenQueue) -> None:
    chance = random.Random(KILLS)  # noqa: S311 - no secret
    run_ids: list[RunId] = []
    near = program(address, "drive", lease_s=LEASE_S)
    far = program(address, "drive", machine="elsewhere", lease_s=LEASE_S)
    with near as first, far as second:
        pids = {talk: int(talk.hear()) for talk in (first, second)}
        for _ in range(KILLS):
            run_ids += [world.added() for _ in range(5)]
            time.sleep(chance.uniform(0, 0.25))
            # the second one seems to be on another machine: its leases have to run out
            talk = first if chance.random() < 0.9 else second
            os.kill(pids[talk], signal.SIGKILL)
            assert talk.hear() == "gone"
            talk.say("again")
            pids[talk] = int(talk.hear())
        wait_until(lambda: not open_ones(world), "all runs end", timeout_s=300)
    for run_id in run_ids:
        check_history(world, run_id)


def open_ones(world: OpenQueue) -> int:
    """Count the runs that have not ended."""
    return sum(world.queue.counts().values())


def check_history(world: OpenQueue, run_id: RunId) -> None:
    """Check that each step of a run ended once, and that no older claim stored after a newer one."""
    run = world.run(run_id)
    assert run.status is RunStatus.DONE
    assert tuple(s["done"] for s in run.sessions if "done" in s) == STEPS
    tokens = [s["token"] for s in run.sessions]
    assert tokens == sorted(tokens)
    for began, done in zip(run.sessions, run.sessions[1:], strict=False):
        if "done" in done:
            assert began == {"token": done["token"], "started": done["done"]}
