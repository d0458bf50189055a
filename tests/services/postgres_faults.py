"""What goes wrong with a PostgreSQL server, for the length of a block."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.postgres import PostgresServer
from services.processes import descendants, start_time, wait_until

_HOLD = 'mount -t tmpfs -o "size=$2m,mode=1777" none "$1" && echo ready && exec sleep infinity'


@contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    """The server is not there."""
    server.halt()
    try:
        yield
    finally:
        server.resume()


@contextmanager
def crashed(server: PostgresServer) -> Iterator[None]:
    """The server died by force; it recovers when it starts again at the end."""
    # without its parent a backend ends by itself; the next start waits for none of them
    below = descendants(server.pid)
    for pid in (server.pid, *below):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.ended()
    wait_until(lambda: all(start_time(pid) is None for pid in below), "backends end")
    try:
        yield
    finally:
        server.resume()


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """The server holds its connections and answers nobody."""
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@contextmanager
def read_only(server: PostgresServer) -> Iterator[None]:
    """The server takes no changes, as one does that has failed over to a standby."""
    _set_read_only(server, "on")
    try:
        yield
    finally:
        _set_read_only(server, "off")


def _set_read_only(server: PostgresServer, value: str) -> None:
    server.administer(
        "SET default_transaction_read_only = off",
        f"ALTER SYSTEM SET default_transaction_read_only = {value}",
        "SELECT pg_reload_conf()",
    )
    server.cut_connections()


class SmallDisk:
    """A disk of some megabytes that only those see who are put in front of it; gone with its holder."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        self._holder = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig=KILL", "unshare", "--mount"),
                *("sh", "-c", _HOLD, "sh", str(folder), str(megabytes)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            raise RuntimeError(f"no small disk could be mounted at {folder}")

    @property
    def inside(self) -> tuple[str, ...]:
        """What stands before a command that shall see the disk."""
        return ("nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--")

    @property
    def seen_from_here(self) -> Path:
        """The disk's folder, for those who are not in front of it."""
        return Path(f"/proc/{self._holder.pid}/root{self.folder}")

    @contextmanager
    def full(self) -> Iterator[None]:
        """Nothing more can be written."""
        ballast = self.seen_from_here / "ballast"
        with ballast.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65536))
                file.flush()
        try:
            yield
        finally:
            ballast.unlink()

    def close(self) -> None:
        """Let it go."""
        self._holder.kill()
        self._holder.communicate()


@contextmanager
def on_a_small_disk(megabytes: int) -> Iterator[tuple[PostgresServer, SmallDisk]]:
    """Give a server of its own whose data is on a small disk."""
    # pytest's own temporary folders are closed to other users
    with tempfile.TemporaryDirectory(prefix="biomero-postgres-") as name:
        folder = Path(name)
        disk = SmallDisk(folder / "disk", megabytes)
        server = PostgresServer(folder, data=disk.folder / "data", inside=disk.inside, keeps_commits=True)
        try:
            server.start()
            yield server, disk
        finally:
            server.halt()
            disk.close()
