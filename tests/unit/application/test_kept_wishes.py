"""A wish from while the database was away is recorded, or dropped with a reason, and keeps nobody up."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.application.kept_wishes import KeptWish, deliver_kept, keep_cancel
from biomero.domain.ids import RunId
from services.fake_world import FakeWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    made = FakeWorld.make(tmp_path)
    yield made
    made.services.record.close()


def ordered(world: FakeWorld) -> RunId:
    return world.order(*world.images(1))


def keep(world: FakeWorld, run: str) -> Path:
    return keep_cancel(world.services.settings.state_folder, KeptWish(run=run, requested_by="ada"))


def is_wanted(world: FakeWorld, run_id: RunId) -> bool:
    return world.services.record.get(run_id).cancel_requested_by == "ada"


def test_a_wish_that_nobody_can_fulfil_is_dropped_and_the_log_says_why(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    scripts = str(world.services.record.tracker.initiate_workflow("a script's", "d", 1, 1))
    good = ordered(world)
    files = [keep(world, run) for run in (scripts, "0123456789", good)]
    caplog.set_level(logging.WARNING)
    deliver_kept(world.services)
    assert is_wanted(world, good)
    assert not any(file.exists() for file in files)
    told = sorted(record.getMessage() for record in caplog.records)
    assert len(told) == 2
    assert "0123456789, which was kept, is dropped: there is no run" in told[0] + told[1]
    assert f"run {scripts}, which was kept, is dropped: a script drives that run" in told[0] + told[1]


def test_what_is_no_wish_is_put_aside(world: FakeWorld) -> None:
    good = ordered(world)
    folder = keep(world, good).parent
    for number, text in enumerate(("", "{}", "[]", "\udcff")):
        (folder / f"0{number}.json").write_text(text, errors="surrogateescape")
    deliver_kept(world.services)
    assert is_wanted(world, good)
    assert {file.name for file in folder.iterdir()} == {f"0{number}.odd" for number in range(4)}


def test_a_wish_that_cannot_be_recorded_now_keeps_no_other_up_and_is_tried_again_later(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    # of a release that asks in other words
    odd = world.services.record.start(name="n", description="d", request={"images": []})
    good = ordered(world)
    kept, other = keep(world, odd), keep(world, good)
    deliver_kept(world.services)
    assert is_wanted(world, good)
    assert kept.exists()
    assert not other.exists()
    deliver_kept(world.services)
    assert len(caplog.records) == 1
    os.utime(kept)
    deliver_kept(world.services)
    assert len(caplog.records) == 2
