"""Processes below a process, or marked by a variable, as ``/proc`` shows them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def below(root: int) -> list[int]:
    """Return the processes below a process that have not ended, those above first."""
    children: dict[int, list[int]] = {}
    for pid in _all():
        with contextlib.suppress(OSError, IndexError):
            # the program's name comes first, in brackets, and may hold anything
            state, parent = (
                Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            )
            if state not in {"Z", "X"}:
                children.setdefault(int(parent), []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        more = children.get(waiting.pop(0), [])
        found += more
        waiting += more
    return found


def marked(assignment: str) -> list[int]:
    """Return the processes that were started with ``NAME=value``, ourselves excepted."""
    wanted = assignment.encode()
    found = []
    for pid in _all():
        with contextlib.suppress(OSError):
            if pid != os.getpid() and wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def memory_bytes(pids: list[int]) -> int:
    """Return how much memory processes have now; what they share counts for each."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return total


def send(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to processes; those that have ended meanwhile do not mind."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _all() -> Iterator[int]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are all that is wanted, several times a second
        if name.isdigit():
            yield int(name)
