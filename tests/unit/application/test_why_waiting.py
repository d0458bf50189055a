"""Why an open run stands where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.application.ports.run_queue import Limits, TryAgain, WorkerId
from biomero.application.request_cancel import request_cancel
from biomero.application.why_waiting import why_waiting
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

    assert told() is None
    queue.enter(WORKER, version="1", drives_all=True)
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
