"""Fetching waits until the login node shows what compute nodes wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.engine.await_outputs import await_outputs
from biomero.application.ports.transfer import RemoteFile
from biomero.errors import BiomeroError, TransferError


@dataclass(slots=True)
class EventfulClock:
    """While somebody waits, something happens."""

    happens: list[Callable[[], object]] = field(default_factory=list)
    waited_s: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.waited_s)

    def sleep(self, seconds: float) -> None:
        self.waited_s += seconds
        if self.happens:
            self.happens.pop(0)()


def fetched(
    folder: Path, clock: EventfulClock, expected: dict[str, str], check: Callable[[], None] = lambda: None
) -> list[RemoteFile]:
    return await_outputs(
        LocalShell(),
        LocalTransfer(),
        clock,
        folder=str(folder),
        outputs=str(folder / "out"),
        expected=expected,
        check=check,
    )


def listing(folder: Path, name: str, **sizes: int) -> None:
    (folder / f"listing.{name}").write_bytes(
        b"".join(b"%d %s.tif\0" % (s, n.encode()) for n, s in sizes.items())
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path


def test_what_is_there_is_fetched_at_once(folder: Path) -> None:
    (folder / "out" / "a.tif").write_text("abc")
    listing(folder, "key", a=3)
    clock = EventfulClock()
    assert [file.name for file in fetched(folder, clock, {"key": ""})] == ["a.tif"]
    assert clock.waited_s == 0


def test_files_that_come_late_are_waited_for(folder: Path) -> None:
    place = folder / "out" / "1"
    listing(folder, "key.1", a=3, b=2)
    clock = EventfulClock(
        [
            place.mkdir,
            lambda: (place / "a.tif").write_text("a"),
            lambda: (place / "b.tif").write_text("xy"),
            lambda: (place / "a.tif").write_text("abc"),
        ]
    )
    assert {file.name for file in fetched(folder, clock, {"key.1": "1/"})} == {"1/a.tif", "1/b.tif"}
    assert clock.waited_s < 10


def test_a_listing_that_comes_late_is_waited_for(folder: Path) -> None:
    (folder / "out" / "a.tif").write_text("abc")
    clock = EventfulClock([lambda: listing(folder, "key", a=3)])
    assert fetched(folder, clock, {"key": ""})
    assert clock.waited_s == 0.5


def test_jobs_that_list_nothing_are_not_waited_for_for_ever(folder: Path) -> None:
    (folder / "out" / "a.tif").write_text("abc")
    clock = EventfulClock()
    assert [file.name for file in fetched(folder, clock, {"key": ""})] == ["a.tif"]
    assert clock.waited_s <= 61


def test_what_stays_away_is_named(folder: Path) -> None:
    listing(folder, "key", a=3)
    clock = EventfulClock()
    with pytest.raises(TransferError, match=r"1 of 1 files .* a\.tif; if somebody removed"):
        fetched(folder, clock, {"key": ""})
    assert 50 <= clock.waited_s <= 61


def test_files_that_nobody_listed_are_fetched_too(folder: Path) -> None:
    (folder / "out" / "evidence.txt").write_text("of a job that failed")
    assert [file.name for file in fetched(folder, EventfulClock(), {})] == ["evidence.txt"]


def test_who_waits_can_be_stopped(folder: Path) -> None:
    def stop() -> None:
        raise BiomeroError("somebody wants the run to end")

    listing(folder, "key", a=3)
    with pytest.raises(BiomeroError, match="wants"):
        fetched(folder, EventfulClock(), {"key": ""}, stop)
