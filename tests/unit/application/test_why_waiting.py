"""Why an open run stands where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.application.pause_run import pause_run
from biomero.application.ports.run_queue import GoOn, Limits, Pool, RunQueue, TryAgain, WaitForJob, WorkerId
from biomero.application.request_cancel import request_cancel
from biomero.application.whose_turn import limits_to_text
from biomero.application.why_waiting import why_waiting
from biomero.application.worker_status import LIMITS
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import JobRef
from services.fake_world import FakeWorld

WORKER = WorkerId(host="here/", pid=98, started=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    made = FakeWorld.make(tmp_path)
    yield made
    made.services.record.close()


def test_the_last_trouble_is_told_unless_the_whole_cluster_has_one(
    world: FakeWorld,
) -> None:
    run_id, queue = world.order(*world.images(1)), world.services.queue

    def told() -> str | None:
        return why_waiting(world.services.record.get(run_id), queue)

    assert told() == "no worker is there to drive it"
    queue.enter(WORKER, version="1", drives_all=True)
    assert told() is None
    (claim,) = queue.claim(WORKER, Limits())
    trouble = {"message": "no answer from the login node"}
    queue.move(claim, TryAgain(after_s=60), lambda run: run.retry_step("stage", 0, trouble, after_s=60))
    assert told() == "no answer from the login node; it is tried again"
    queue.note(WORKER, {"cluster local": "nothing goes there", "cluster other": "is well"})
    assert told() == "nothing goes there"
    queue.note(WORKER, {})
    request_cancel(run_id, world.services, requested_by="me")
    (claim,) = queue.claim(WORKER, Limits())
    queue.move(claim, TryAgain(after_s=0), lambda run: run.cancel())
    assert told() is None


def of_a_worker(queue: RunQueue, limits: Limits, **notes: str) -> None:
    """Let a worker live that says how much it does at once."""
    queue.enter(WORKER, version="1", drives_all=True)
    queue.note(WORKER, {LIMITS: limits_to_text(limits), **notes})


def test_a_run_whose_turn_it_is_not_says_for_which_limit_it_waits(world: FakeWorld) -> None:
    first, second = (world.order(*world.images(1), results=f"results-{n}") for n in range(2))
    queue, limits = world.services.queue, Limits(pools={Pool.STAGE: 1})

    def told(run_id: RunId) -> str | None:
        return why_waiting(world.services.record.get(run_id), queue)

    of_a_worker(queue, limits)
    assert (told(first), told(second)) == (None, None)
    (claim,) = queue.claim(WORKER, limits)
    assert told(first) is None
    assert told(second) == "waits for its turn: 1 run is being read and sent (max_exports = 1)"
    pause_run(second, world.services, requested_by="me")
    assert told(second) is None  # it is given out whatever the limits
    queue.move(claim, TryAgain(after_s=60, counts=False))
    assert told(first) is None


def test_a_run_that_waits_until_fewer_are_converted_says_so(world: FakeWorld) -> None:
    first, second = (world.order(*world.images(1), results=f"results-{n}") for n in range(2))
    queue, limits = world.services.queue, Limits(conversions=1)

    def told() -> str | None:
        return why_waiting(world.services.record.get(second), queue)

    of_a_worker(queue, limits)
    for claim in queue.claim(WORKER, limits):
        queue.move(claim, GoOn(step="convert", pool=Pool.SUBMIT))
    assert told() is None
    (claim,) = queue.claim(WORKER, limits)
    assert claim.run_id == first
    assert told() == "waits for its turn: 1 run is being converted at local (max_conversions = 1)"
    queue.move(claim, GoOn(step="analyse", pool=Pool.SUBMIT))
    assert told() is None


def test_a_worker_of_a_release_without_a_limit_has_none(world: FakeWorld) -> None:
    run_id, queue = world.order(*world.images(1)), world.services.queue
    of_a_worker(queue, Limits())
    noted = json.dumps({"pools": {"stage": 0}, "runs_per_cluster": {}, "runs_per_requester": None})
    queue.note(WORKER, {LIMITS: noted})
    assert "max_exports = 0" in str(why_waiting(world.services.record.get(run_id), queue))


def test_what_another_release_says_of_its_limits_is_left_out(world: FakeWorld) -> None:
    run_id, queue = world.order(*world.images(1)), world.services.queue
    of_a_worker(queue, Limits(pools={Pool.STAGE: 0}))
    assert "max_exports = 0" in str(why_waiting(world.services.record.get(run_id), queue))
    for noted in ("", "[]", '{"pools": {"oven": 1}}', '{"pools": 3}'):
        queue.note(WORKER, {LIMITS: noted})
        assert why_waiting(world.services.record.get(run_id), queue) is None


def test_a_full_cluster_is_told_of_runs_that_have_a_job_to_submit(world: FakeWorld) -> None:
    run_id, queue = world.order(*world.images(1)), world.services.queue

    def told() -> str | None:
        return why_waiting(world.services.record.get(run_id), queue)

    of_a_worker(queue, Limits(), **{"full local": "no more jobs for now", "full other": "none there either"})
    assert told() is None  # its images are to be sent first
    (claim,) = queue.claim(WORKER, Limits())
    queue.move(claim, GoOn(step="analyse", pool=Pool.SUBMIT))
    assert told() == "no more jobs for now"
    (claim,) = queue.claim(WORKER, Limits())
    assert told() == "no more jobs for now"
    job = JobRef(key=JobKey("a"), job_id=SlurmJobId(1), folder="/runs/a")
    queue.move(claim, WaitForJob(job=job, step="judge_analysis", pool=Pool.FETCH))
    assert told() is None


def test_a_step_that_cannot_be_recorded_says_when_it_is_tried_again(world: FakeWorld) -> None:
    run_id, queue = world.order(*world.images(1)), world.services.queue
    of_a_worker(queue, Limits())
    (claim,) = queue.claim(WORKER, Limits())
    queue.put_off(claim, after_s=60)
    told = str(why_waiting(world.services.record.get(run_id), queue))
    words = r"its step \w+ did not come to an end \(attempts: 1\); the next try is at [-:0-9 ]+ UTC, and .*"
    assert re.fullmatch(words, told)
