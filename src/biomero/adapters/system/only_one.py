"""Something that one process at a time may do; the kernel gives it back when that dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biomero.errors import WorkerRunningError


@contextmanager
def only_one(file: Path, *, what: str) -> Iterator[None]:
    """Be the only one of this machine in the block.

    Parameters
    ----------
    file
        What is locked, on a local disk; it holds the number of the process, for people.
    what
        What is refused to the second one, such as ``a worker for /x/biomero.sqlite``.

    Raises
    ------
    WorkerRunningError
        If another process is in such a block.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # programs that are started in the block must not keep the lock when this process has died
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = opened.read(20).strip()
            raise WorkerRunningError(
                f"there is {what} already{f' (process {pid})' if pid else ''}; SQLite is for one worker. "
                "Several share a database of PostgreSQL: [ANALYTICS] sqlalchemy_url"
            ) from None
        opened.truncate(0)
        opened.write(f"{os.getpid()}\n")
        opened.flush()
        yield
