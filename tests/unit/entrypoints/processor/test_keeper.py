"""The keeper as a process, with programs of any kind below it."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.guard import end_all
from services.processes import wait_until, with_environment

KEEPER = (sys.executable, "-P", "-m", "biomero.entrypoints.processor.keeper")
SPREADS = 'sleep 3600 & setsid sleep 3600 & touch "$0"; sleep 3600'


@pytest.fixture
def mark() -> Iterator[str]:
    """Return ``NAME=value`` of all processes of a test; what is left of them at the end is ended."""
    mark = f"BIOMERO_TEST_KEEPER={secrets.token_hex(8)}"
    yield mark
    end_all(mark)


def start(mark: str, *words: str, options: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    name, _, value = mark.partition("=")
    return subprocess.Popen(
        [*KEEPER, *options, "--", *words],
        stdin=subprocess.PIPE,
        env={**os.environ, name: value},
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -USR1 $$", -signal.SIGUSR1)]
)
def test_it_ends_as_the_script_did(mark: str, script: str, code: int) -> None:
    with start(mark, "sh", "-c", script) as keeper:
        assert keeper.wait(30) == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -15), (signal.SIGQUIT, -9)])
def test_it_ends_all_below_it_when_it_is_told_to(
    mark: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with start(mark, "sh", "-c", SPREADS, str(tmp_path / "started")) as keeper:
        wait_until((tmp_path / "started").exists, "it runs")
        keeper.send_signal(number)
        assert keeper.wait(30) == code
    assert with_environment(mark) == []


def test_it_ends_all_below_it_when_its_caller_has_gone(mark: str, tmp_path: Path) -> None:
    with start(mark, "sh", "-c", SPREADS, str(tmp_path / "started")) as keeper:
        wait_until((tmp_path / "started").exists, "it runs")
        assert keeper.stdin is not None
        keeper.stdin.close()
        assert keeper.wait(30) == -9
    assert with_environment(mark) == []


def test_a_turn_is_given_up_with_the_script_and_not_before(mark: str, tmp_path: Path) -> None:
    options = ("--turns", str(tmp_path / "turns"), "--at-once", "1")
    waits = ("sh", "-c", 'touch "$0"; sleep 3600', str(tmp_path / "one"))
    with start(mark, *waits, options=options) as first:
        wait_until((tmp_path / "one").exists, "the first runs")
        with (
            start(mark, "touch", str(tmp_path / "two"), options=options) as second,
            start(mark, "touch", str(tmp_path / "three"), options=options) as third,
        ):
            third.terminate()
            assert third.wait(30) == -15
            assert not (tmp_path / "two").exists()
            first.kill()  # a turn does not outlive its keeper
            assert second.wait(30) == 0
    assert (tmp_path / "two").exists()
    assert not (tmp_path / "three").exists()
