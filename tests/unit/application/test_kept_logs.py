"""What is kept of logs is bounded, and is forgotten."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from biomero.application.kept_logs import KEPT_BYTES, KEPT_FOR, MOST_LOGS, keep_logs, kept_logs
from biomero.application.settings import Settings
from biomero.bootstrap import settings_for
from biomero.domain.ids import RunId

RUN = RunId("0d8b9a5e-0000-4000-8000-000000000000")
OTHER = RunId("1d8b9a5e-0000-4000-8000-000000000000")
NOW = datetime.now(UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(settings_for(), state_folder=tmp_path / "state")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


def test_the_end_of_a_long_log_is_kept(settings: Settings, logs: Path) -> None:
    (logs / "long.out").write_bytes(b"x" * 3 * KEPT_BYTES + b"the end\xff")
    (logs / "empty.out").touch()
    keep_logs(logs, RUN, settings, now=NOW)
    kept = {file.name: file.read_bytes() for file in kept_logs(RUN, settings).iterdir()}
    assert set(kept) == {"long.out", "empty.out"}
    assert len(kept["long.out"]) == KEPT_BYTES
    assert kept["long.out"].endswith(b"xthe end\xff")


def test_of_a_large_array_the_newest_logs_are_kept(settings: Settings, logs: Path) -> None:
    for number in range(MOST_LOGS + 5):
        log = logs / f"{number}.out"
        log.write_text(str(number))
        os.utime(log, (number, number))
    keep_logs(logs, RUN, settings, now=NOW)
    kept = {int(file.stem) for file in kept_logs(RUN, settings).iterdir()}
    assert kept == set(range(5, MOST_LOGS + 5))


def test_doing_it_again_when_the_logs_are_gone_keeps_what_is_kept(settings: Settings, logs: Path) -> None:
    (logs / "a.out").write_text("a")
    keep_logs(logs, RUN, settings, now=NOW)
    (logs / "a.out").unlink()
    keep_logs(logs, RUN, settings, now=NOW)
    logs.rmdir()
    keep_logs(logs, RUN, settings, now=NOW)
    assert [file.name for file in kept_logs(RUN, settings).iterdir()] == ["a.out"]


def test_what_was_kept_long_ago_is_forgotten(settings: Settings, logs: Path) -> None:
    (logs / "a.out").write_text("a")
    keep_logs(logs, RUN, settings, now=NOW)
    keep_logs(logs, OTHER, settings, now=NOW + KEPT_FOR - timedelta(hours=1))
    assert kept_logs(RUN, settings).is_dir()
    old = (NOW - timedelta(hours=2)).timestamp()
    os.utime(kept_logs(RUN, settings), (old, old))
    keep_logs(logs, OTHER, settings, now=NOW + KEPT_FOR - timedelta(hours=1))
    assert not kept_logs(RUN, settings).exists()
    assert kept_logs(OTHER, settings).is_dir()
