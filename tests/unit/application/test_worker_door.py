"""What a worker keeps for runs, also for those that other workers bring to their end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biomero.application.engine.worker_door import WorkerDoor
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.run_queue import Claim, Limits, Park, WorkerId
from biomero.application.run_request import RunRequest
from biomero.application.settings import ClusterSettings
from biomero.domain.ids import RunId
from biomero.errors import DatabaseUnavailableError
from services.fake_world import FakeWorld

HERE = WorkerId(host="here/", pid=1, started=1)
ELSEWHERE = WorkerId(host="elsewhere/", pid=1, started=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    made = FakeWorld.make(tmp_path)
    yield made
    made.services.record.close()


class Clusters:
    """Opens the same cluster again and again."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    def open(self, settings: ClusterSettings) -> Cluster:
        return replace(self._world.cluster(), settings=settings)


def door_of(world: FakeWorld, queue: Any = None) -> WorkerDoor:
    services = world.services
    return WorkerDoor(
        queue=queue or services.queue,
        record=services.record,
        settings_at=lambda _place: services.settings,
        services_with=lambda _settings: services,
        clusters=Clusters(world),
        look_every_s=0,
    )


def claimed(world: FakeWorld, worker: WorkerId, run_id: RunId) -> Claim:
    (claim,) = world.services.queue.claim(worker, Limits(), only=[run_id])
    return claim


def use(world: FakeWorld, door: WorkerDoor, claim: Claim) -> None:
    request = RunRequest.from_json(world.services.record.get(claim.run_id).request)
    with door.open(claim, request):
        pass


def test_nothing_is_kept_for_runs_that_end_or_are_paused_elsewhere(world: FakeWorld) -> None:
    queue, door = world.services.queue, door_of(world)
    ids = [world.order(*world.images(1), results=f"results-{n}") for n in range(3)]
    claims = [claimed(world, HERE, run_id) for run_id in ids]
    for claim in claims:
        use(world, door, claim)
    assert door.hub.runs() == set(ids)
    queue.leave(HERE)
    queue.move(claimed(world, ELSEWHERE, ids[0]), Park(), lambda run: run.pause({"message": "no space"}))
    last = claimed(world, HERE, ids[1])
    use(world, door, last)
    assert door.hub.runs() == set(ids[1:])


def test_all_is_kept_while_the_queue_does_not_answer(world: FakeWorld) -> None:
    class Away:
        def still_going(self, run_ids: frozenset[RunId]) -> frozenset[RunId]:
            raise DatabaseUnavailableError(f"no connection to ask for {len(run_ids)} runs")

    door = door_of(world, Away())
    claims = [claimed(world, HERE, world.order(*world.images(1), results=name)) for name in ("a", "b")]
    for claim in claims:
        use(world, door, claim)
    assert door.hub.runs() == {claim.run_id for claim in claims}
