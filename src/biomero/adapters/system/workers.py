"""Processes as workers: who is this one, and has another one on this machine ended."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from biomero.application.ports.run_queue import WorkerId

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def this_machine() -> str:
    """Return this machine's name, which stays the same when it is started again.

    Containers get another name each time; ``BIOMERO_MACHINE`` gives one that stays.
    """
    name = os.environ.get("BIOMERO_MACHINE") or platform.node()
    return name.replace("/", "-").replace("|", "-") or "localhost"


def this_worker() -> WorkerId:
    """Return what tells this process from all others, anywhere and at any time."""
    pid = os.getpid()
    return WorkerId(host=_host(), pid=pid, started=_started(pid) or 0)


def is_gone(worker: WorkerId) -> bool:
    """Say whether a worker's process is seen to have ended; of other machines nothing is seen from here."""
    if worker.host != _host() or not _BOOT.exists():
        return False
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is there, and somebody else's
    started = _started(worker.pid)
    return started is not None and started != worker.started


def _host() -> str:
    """Return the machine, since when it runs, and the space in which its process numbers are given out."""
    try:
        since = _BOOT.read_text().strip()
        space = _NAMESPACE.readlink()
    except OSError:
        return f"{this_machine()}/"
    return f"{this_machine()}/{since}/{space}"


def _started(pid: int) -> int | None:
    """Return when a process started, in clock ticks; 0 if it has ended (a zombie has), ``None`` if unseen."""
    try:
        # the name, in parentheses, may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return 0 if fields[0] in {"Z", "X"} else int(fields[19])
