"""Real OpenSSH servers: one shared, and as many of one's own as a test needs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from biomero.adapters.ssh import SshConnection
from services.sshd import Sshd, running_sshd

StartServer = Callable[..., Sshd]
Connect = Callable[..., SshConnection]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start a server with further lines of configuration; it ends with the test."""
    with ExitStack() as stack:

        def start(*settings: str, name: str = "sshd") -> Sshd:
            return stack.enter_context(running_sshd(tmp_path / name, *settings))

        yield start


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that no test changes."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make connections that end with the test and do not wait long."""
    with ExitStack() as stack:

        def make(server: Sshd, alias: str = "lab", **options: object) -> SshConnection:
            settings = {"ssh_config": server.client_config, "retry_pause_s": 0.1, **options}
            return stack.enter_context(SshConnection(alias, **settings))  # type: ignore[arg-type]  # tests pass any option

        yield make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two mebibytes; needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)), check=True)
    try:
        yield folder
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)
