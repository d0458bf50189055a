"""Long transfers go in slices: what came is on record, and others have their turn in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.drive_here import drive_here
from biomero.application.engine.patience import Patience
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import SilentListener
from biomero.application.ports.transfer import FileToSend, RemoteFile
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.errors import ConnectionFailedError, RunPausedError
from services.command import THRESHOLD
from services.fake_world import FakeWorld


class SlowClock:
    """Three minutes later at every look."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(minutes=3)
        return self._now

    def sleep(self, seconds: float) -> None:
        pass


class NotingTransfer(LocalTransfer):
    """Notes what goes in which stream; one stream may break when it is all there."""

    def __init__(self, *, breaks_in: int | None = None) -> None:
        super().__init__()
        self.streams: list[list[str]] = []
        self.folders: list[str] = []
        self._breaks_in = breaks_in

    def upload(
        self, files: Iterable[FileToSend], folder: str, *, progress: Callable[[int], None] | None = None
    ) -> list[RemoteFile]:
        stream: list[str] = []
        self.streams.append(stream)
        self.folders.append(folder)

        def noted() -> Iterator[FileToSend]:
            for file in files:
                stream.append(file.name)
                yield file

        sent = super().upload(noted(), folder, progress=progress)
        if len(self.streams) == self._breaks_in:
            raise ConnectionFailedError("the link was cut")
        return sent


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    made = FakeWorld.make(tmp_path)
    made = replace(made, services=replace(made.services, clock=SlowClock()))
    yield made
    made.services.record.close()


def cluster(world: FakeWorld, transfer: NotingTransfer) -> Cluster:
    return replace(world.cluster(), transfer=transfer)


def test_images_that_take_long_go_in_several_streams(world: FakeWorld) -> None:
    run_id, transfer = world.order(*world.images(3)), NotingTransfer()
    run = drive_here(run_id, world.services, cluster(world, transfer), SilentListener())
    assert run.status is RunStatus.DONE
    assert [len(stream) for stream in transfer.streams] == [1, 1, 1]
    assert len({name for stream in transfer.streams for name in stream}) == 3


@pytest.mark.slow
def test_what_came_in_an_earlier_stream_is_not_sent_again(world: FakeWorld) -> None:
    run_id, transfer = world.order(*world.images(3)), NotingTransfer(breaks_in=2)
    patience = Patience(retries_while_away=0)
    with pytest.raises(RunPausedError):
        drive_here(run_id, world.services, cluster(world, transfer), SilentListener(), patience=patience)
    stages = world.services.record.get(run_id).stages
    assert list(stages.values()).count(ImageStage.STAGED) == 1
    after = NotingTransfer()
    assert (
        drive_here(run_id, world.services, cluster(world, after), SilentListener()).status is RunStatus.DONE
    )
    assert [len(stream) for stream in after.streams] == [1, 1]
    assert transfer.streams[0][0] not in {name for stream in after.streams for name in stream}


def test_what_is_half_sent_does_not_lie_where_a_workflow_reads(world: FakeWorld) -> None:
    descriptor = json.loads((THRESHOLD / "descriptor.json").read_text())
    descriptor["inputs"][0]["format"] = "zarr"  # nothing is converted: it reads what is sent
    (world.folder / "descriptor.json").write_text(json.dumps(descriptor))
    order = Order(workflow=str(world.folder), images=world.images(1), results=world.folder / "results")
    run_id = accept_order(check_order(order, world.services), world.services)
    transfer = NotingTransfer()
    drive_here(run_id, world.services, cluster(world, transfer), SilentListener())
    assert [Path(folder).name for folder in transfer.folders] == [run_id]
    assert [name.partition("/")[0] for name in transfer.streams[0]] == ["in"]
