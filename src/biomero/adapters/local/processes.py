"""Processes that another process started: are they still there, and how to end them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path


def start_time(pid: int) -> str:
    """Return when a process started; empty if it has ended (a zombie has)."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        # The name, in parentheses, may hold anything.
        fields = stat.read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "" if Path("/proc/self/stat").exists() else _start_time_by_ps(pid)
    return "" if fields[0] in {"Z", "X"} else fields[19]


def is_alive(pid: int, started: str) -> bool:
    """Say whether that very process still runs."""
    return bool(started) and start_time(pid) == started


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process group; one that has ended already is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _start_time_by_ps(pid: int) -> str:
    """Ask ``ps``, where there is no ``/proc`` (macOS)."""
    asked = subprocess.run(
        ["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    words = asked.stdout.split()
    return "" if not words or words[-1].startswith("Z") else " ".join(words[:-1])
