"""What systemd hears, over real sockets."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.entrypoints.worker.service_manager import ServiceManager


@pytest.fixture(params=["a file", "an abstract name"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    name = str(tmp_path / "notify") if request.param == "a file" else f"@biomero-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        listener.settimeout(5)
        yield listener, name


def test_the_manager_hears_of_beginning_life_and_end(listening: tuple[socket.socket, str]) -> None:
    listener, name = listening
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    manager = ServiceManager(environment)
    assert environment == {}
    assert manager.watchdog_every_s == 15
    manager.ready("drives\nruns")
    manager.alive()
    manager.status("3 runs")
    manager.stopping()
    heard = [listener.recv(4096).decode() for _ in range(4)]
    assert heard == [
        "READY=1\nSTATUS=drives runs",
        "WATCHDOG=1",
        "STATUS=3 runs",
        "STOPPING=1\nSTATUS=stopping",
    ]


def test_another_process_keeps_the_watchdog_quiet(listening: tuple[socket.socket, str]) -> None:
    _, name = listening
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}
    assert ServiceManager(environment).watchdog_every_s is None


def test_without_a_manager_or_with_one_that_is_gone_nothing_happens(tmp_path: Path) -> None:
    ServiceManager({}).ready("on its own")
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).stopping()
