"""Daemons that are ended exactly: by process id and start time, never by name."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def wait_until(
    condition: Callable[[], bool], what: str, *, timeout_s: float = 30.0, every_s: float = 0.05
) -> None:
    """Wait for a condition.

    Raises
    ------
    TimeoutError
        If it does not hold in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:g} s: {what}")
        time.sleep(every_s)


def free_ports(count: int) -> list[int]:
    """Return ports on 127.0.0.1 in a row, outside the range that outgoing connections are given."""
    for _ in range(200):
        first = random.randrange(20000, 32000 - count)  # noqa: S311 - no secret
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    listener = stack.enter_context(socket.socket())
                    listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return list(range(first, first + count))
    raise RuntimeError(f"no {count} free ports in a row")


def start_time(pid: int) -> str | None:
    """Return when a process started, in clock ticks; ``None`` if it has ended (a zombie has)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


class Daemons:
    """The daemons of one service, remembered on disk so that another process can end them."""

    def __init__(self, folder: Path, *, env: Mapping[str, str]) -> None:
        self._records = folder / "run"
        self._logs = folder / "log"
        self._env = dict(env)
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start a daemon that stays in the foreground; its words go to ``log/<name>.out``."""
        with (self._logs / f"{name}.out").open("ab") as out:
            child = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**self._env, **(env or {})},
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )
        self._children[name] = child
        self._record(name).write_text(f"{child.pid} {start_time(child.pid)}")

    def is_alive(self, name: str) -> bool:
        """Say whether the very process that was started still runs."""
        child = self._children.get(name)
        if child is not None:
            child.poll()
        return self.pid(name) is not None

    def pid(self, name: str) -> int | None:
        """Return the process id of a daemon that runs."""
        try:
            pid, started = self._record(name).read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if start_time(int(pid)) == started else None

    def stop(self, name: str, *, timeout_s: float = 15.0) -> None:
        """End a daemon, politely at first; one that has ended already is no error."""
        pid = self.pid(name)
        if pid is not None:
            _signal(pid, signal.SIGTERM)
            # A stopped process would not hear it.
            _signal(pid, signal.SIGCONT)
            try:
                wait_until(lambda: not self.is_alive(name), f"{name} ends", timeout_s=timeout_s)
            except TimeoutError:
                _signal(pid, signal.SIGKILL)
                wait_until(lambda: not self.is_alive(name), f"{name} is killed", timeout_s=timeout_s)
        child = self._children.pop(name, None)
        if child is not None:
            child.wait()
        self._record(name).unlink(missing_ok=True)

    def kill(self, name: str) -> None:
        """End a daemon as a power cut would."""
        pid = self.pid(name)
        if pid is not None:
            _signal(pid, signal.SIGKILL)
        self.stop(name)

    def freeze(self, name: str) -> None:
        """Stop a daemon where it stands; it keeps its connections and answers nobody."""
        pid = self.pid(name)
        if pid is not None:
            _signal(pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen daemon go on."""
        pid = self.pid(name)
        if pid is not None:
            _signal(pid, signal.SIGCONT)

    def names(self) -> list[str]:
        """Return the daemons that were started and not stopped."""
        return sorted(record.stem for record in self._records.glob("*.pid"))

    def _record(self, name: str) -> Path:
        return self._records / f"{name}.pid"


def descendants(pid: int) -> list[int]:
    """Return the processes below a process."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError):
            parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def parent(pid: int) -> int:
    """Return the process that a process belongs to; 0 if it has ended."""
    return int(_status(pid).get("PPid", "0"))


def name_of(pid: int) -> str:
    """Return the name of a process's program, which may be cut; empty if it has ended."""
    return _status(pid).get("Name", "")


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def with_environment(assignment: str) -> list[int]:
    """Return the processes whose environment holds ``NAME=value``, ourselves and our callers excepted."""
    wanted = assignment.encode()
    own: set[int] = set()
    pid = os.getpid()
    while pid > 1:
        own.add(pid)
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in own:
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def end(pids: Sequence[int], *, timeout_s: float = 5.0) -> None:
    """Kill processes and wait until they are gone."""
    for pid in pids:
        _signal(pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: all(start_time(p) is None for p in pids), "processes end", timeout_s=timeout_s)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
