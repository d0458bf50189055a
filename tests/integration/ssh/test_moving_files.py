"""Transfers against a real server, where things go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.adapters.local.transfer import LocalTransfer
from biomero.adapters.ssh import SshTransfer
from biomero.application.ports.transfer import FileToSend, RemoteTransfer
from biomero.errors import (
    ConnectionFailedError,
    NoSpaceError,
    RemotePermissionError,
    TransferError,
)
from services.sshd import Sshd, eventually

from .conftest import Connect, StartServer

pytestmark = pytest.mark.sshd


@pytest.fixture
def transfer(sshd: Sshd, connect: Connect) -> SshTransfer:
    return SshTransfer(connect(sshd))


def a_tree(folder: Path, files: int, size: int = 100) -> Path:
    for number in range(files):
        file = folder / str(number % 7) / f"{number}.tif"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(size))
    return folder


def left_in(folder: Path) -> list[str]:
    try:
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []
    except FileNotFoundError as exc:  # it is being removed
        return [str(exc)]


def wait_until_gone(folder: Path) -> None:
    """What a broken transfer left under temporary names goes when the far end notices."""
    assert eventually(lambda: left_in(folder) == []), left_in(folder)


def test_the_number_of_commands_does_not_grow_with_the_number_of_files(
    sshd: Sshd, connect: Connect, tmp_path: Path
) -> None:
    used: list[int] = []
    for files in (3, 300):
        connection = connect(sshd)
        transfer = SshTransfer(connection)
        tree = a_tree(tmp_path / f"{files}", files)
        remote = str(tmp_path / f"far{files}")
        sent = transfer.upload([FileToSend(path=tree, name="t")], remote)
        transfer.download(remote, [file.name for file in sent], tmp_path / f"back{files}")
        assert len(sent) == files
        used.append(connection.counts.commands)
        assert connection.counts.logins == 1
    assert used == [3, 3]


@pytest.mark.parametrize("kind", ["ssh", "local"])
def test_a_full_disk_is_named_and_nothing_half_stays(
    transfer: SshTransfer, small_disk: Path, tmp_path: Path, kind: str
) -> None:
    way: RemoteTransfer = transfer if kind == "ssh" else LocalTransfer()
    (tmp_path / "small").write_bytes(bytes(100_000))
    (tmp_path / "big").write_bytes(os.urandom(8_000_000))
    kept = way.upload([FileToSend(path=tmp_path / "small", name="kept")], str(small_disk / "in"))
    files = [FileToSend(path=tmp_path / name, name=name) for name in ("small", "big")]
    with pytest.raises(NoSpaceError, match="no space"):
        way.upload(files, str(small_disk / "in"))
    assert way.listing(str(small_disk / "in")) == kept
    assert left_in(small_disk) == ["in", "in/kept"]
    with pytest.raises(NoSpaceError):
        way.upload_file(tmp_path / "big", str(small_disk / "in/big"))
    assert not (small_disk / "in/big").exists()
    assert (small_disk / "in/big.part").exists()


def test_a_full_disk_here_is_named_and_nothing_half_stays(
    transfer: SshTransfer, small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far/big").write_bytes(os.urandom(8_000_000))
    with pytest.raises(NoSpaceError, match="no space"):
        transfer.download(str(tmp_path / "far"), ["big"], small_disk / "back")
    assert left_in(small_disk / "back") == []
    with pytest.raises(NoSpaceError):
        transfer.download_file(str(tmp_path / "far/big"), small_disk / "big")
    assert not (small_disk / "big").exists()


def test_a_folder_that_may_not_be_written_is_named(transfer: SshTransfer, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(RemotePermissionError, match="/sys/kernel/biomero"):
        transfer.upload([FileToSend(path=tmp_path / "a", name="a")], "/sys/kernel/biomero")
    with pytest.raises(RemotePermissionError):
        transfer.upload_file(tmp_path / "a", "/sys/kernel/biomero/a")


def test_a_file_that_stands_where_a_folder_is_due_is_an_error(transfer: SshTransfer, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "far").mkdir()
    (tmp_path / "far/d").write_bytes(b"a file")
    with pytest.raises(TransferError, match="directory"):
        transfer.upload([FileToSend(path=tmp_path / "a", name="d/a")], str(tmp_path / "far"))
    assert left_in(tmp_path / "far") == ["d"]


def test_a_connection_lost_while_sending_leaves_nothing_half(
    start_server: StartServer, connect: Connect, tmp_path: Path
) -> None:
    server = start_server()
    transfer = SshTransfer(connect(server))

    def cut_after_some() -> Iterator[FileToSend]:
        for number in range(20):
            file = tmp_path / f"{number}"
            file.write_bytes(bytes(3_000_000))
            yield FileToSend(path=file, name=f"t/{number}")
            if number == 5:
                server.drop_connections()

    with pytest.raises(ConnectionFailedError):
        transfer.upload(cut_after_some(), str(tmp_path / "far"))
    wait_until_gone(tmp_path / "far")
    (tmp_path / "one").write_bytes(b"x")
    assert transfer.upload([FileToSend(path=tmp_path / "one", name="one")], str(tmp_path / "far"))


def test_an_upload_of_one_file_goes_on_after_a_lost_connection(
    start_server: StartServer, connect: Connect, tmp_path: Path
) -> None:
    server = start_server()
    transfer = SshTransfer(connect(server))
    content = os.urandom(30_000_000)
    (tmp_path / "big").write_bytes(content)
    moved = 0

    def cut_at_half(count: int) -> None:
        nonlocal moved
        before, moved = moved, moved + count
        if before < 15_000_000 <= moved:
            server.drop_connections()

    with pytest.raises(ConnectionFailedError):
        transfer.upload_file(tmp_path / "big", str(tmp_path / "far/big"), progress=cut_at_half)
    assert not (tmp_path / "far/big").exists()
    arrived = (tmp_path / "far/big.part").stat().st_size
    assert arrived > 0
    again: list[int] = []
    transfer.upload_file(tmp_path / "big", str(tmp_path / "far/big"), progress=again.append)
    assert (tmp_path / "far/big").read_bytes() == content
    assert sum(again) < len(content)


def test_a_download_goes_on_after_a_lost_connection(
    start_server: StartServer, connect: Connect, tmp_path: Path
) -> None:
    server = start_server()
    transfer = SshTransfer(connect(server))
    content = os.urandom(60_000_000)
    (tmp_path / "far").mkdir()
    (tmp_path / "far/big").write_bytes(content)
    moved = 0

    def cut_at_half(count: int) -> None:
        nonlocal moved
        before, moved = moved, moved + count
        if before < 15_000_000 <= moved:
            server.drop_connections()

    with pytest.raises(ConnectionFailedError):
        transfer.download_file(str(tmp_path / "far/big"), tmp_path / "back/big", progress=cut_at_half)
    assert left_in(tmp_path / "back") == ["big.part"]
    moved = 20_000_000
    transfer.download_file(str(tmp_path / "far/big"), tmp_path / "back/big", progress=cut_at_half)
    assert (tmp_path / "back/big").read_bytes() == content
    assert moved - 20_000_000 < len(content)
    moved = 0
    with pytest.raises(ConnectionFailedError):
        transfer.download(str(tmp_path / "far"), ["big"], tmp_path / "tree", progress=cut_at_half)
    assert left_in(tmp_path / "tree") == []


def test_a_log_that_grows_while_it_is_fetched_is_fetched(transfer: SshTransfer, tmp_path: Path) -> None:
    log = tmp_path / "far" / "job.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * 60_000_000)

    def grow(_count: int) -> None:
        with log.open("ab") as stream:
            stream.write(b"y")

    (fetched,) = transfer.download(str(log.parent), ["job.log"], tmp_path / "back", progress=grow)
    assert fetched.size == 60_000_000
    assert (tmp_path / "back" / "job.log").read_bytes() == b"x" * 60_000_000


def test_commands_go_through_while_transfers_hold_every_channel_they_may(
    sshd: Sshd, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(sshd, max_channels=2)
    transfer = SshTransfer(connection)
    (tmp_path / "a").write_bytes(b"x")

    def asks_while_sending() -> Iterator[FileToSend]:
        assert connection.run(("true",), timeout_s=20).ok
        yield FileToSend(path=tmp_path / "a", name="a")

    assert len(transfer.upload(asks_while_sending(), str(tmp_path / "far"))) == 1


UPLOADER = """
import sys
from pathlib import Path
from biomero.adapters.ssh import SshConnection, SshTransfer
from biomero.application.ports.transfer import FileToSend

config, source, folder = sys.argv[1:]
with SshConnection("lab", ssh_config=Path(config)) as connection:
    SshTransfer(connection).upload(
        [FileToSend(path=Path(source), name=f"t/{number}") for number in range(50)],
        folder,
        progress=lambda count: print(count, flush=True),
    )
"""


def test_a_process_killed_while_sending_leaves_nothing_half(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(bytes(10_000_000))
    far = tmp_path / "far"
    with subprocess.Popen(
        (sys.executable, "-c", UPLOADER, str(sshd.client_config), str(tmp_path / "source"), str(far)),
        stdout=subprocess.PIPE,
    ) as uploader:
        assert uploader.stdout is not None
        for _ in range(20):
            uploader.stdout.readline()
        uploader.kill()
    wait_until_gone(far)
