"""The same suites meet this machine and a real OpenSSH server."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.adapters.ssh import SshConnection, SshShell, SshTransfer
from biomero.application.ports.shell import RemoteShell
from biomero.application.ports.transfer import RemoteTransfer
from services.sshd import Sshd, running_sshd


@dataclass(frozen=True, kw_only=True)
class FarEnd:
    """A shell and a transfer to the same place, and that place as the test itself can look into it."""

    shell: RemoteShell
    transfer: RemoteTransfer
    folder: Path
    home: Path


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="session")
def connection(sshd: Sshd) -> Iterator[SshConnection]:
    with SshConnection("lab", ssh_config=sshd.client_config) as opened:
        yield opened


@pytest.fixture(params=["local", pytest.param("ssh", marks=pytest.mark.sshd)])
def far_end(request: pytest.FixtureRequest, tmp_path: Path) -> FarEnd:
    folder = tmp_path / "far"
    if request.param == "local":
        home = tmp_path / "home"
        home.mkdir()
        return FarEnd(
            shell=LocalShell(home=home), transfer=LocalTransfer(home=home), folder=folder, home=home
        )
    opened: SshConnection = request.getfixturevalue("connection")
    return FarEnd(shell=SshShell(opened), transfer=SshTransfer(opened), folder=folder, home=Path.home())


@pytest.fixture
def shell(far_end: FarEnd) -> RemoteShell:
    return far_end.shell


@pytest.fixture
def transfer(far_end: FarEnd) -> RemoteTransfer:
    return far_end.transfer


@pytest.fixture
def folder(far_end: FarEnd) -> Path:
    """Where the files go; it does not exist yet."""
    return far_end.folder


@pytest.fixture
def folder_in_home(far_end: FarEnd) -> Iterator[str]:
    """A name for a folder below the home folder, which may be a real account's."""
    name = f".biomero-test-{secrets.token_hex(6)}"
    yield name
    shutil.rmtree(far_end.home / name, ignore_errors=True)
