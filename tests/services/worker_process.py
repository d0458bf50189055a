"""``biomero worker`` as a process, which ends with this one, however that ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from services.command import BIOMERO, User
from services.processes import wait_until

START_WITHIN_S = 240.0
"""Machines that run tests are busy; a worker that works is waited for no longer than it takes."""

_ADDRESS = re.compile(r"http://([0-9.:]+)")


class WorkerProcess:
    """A worker of a user's database, with its log as JSON."""

    def __init__(self, user: User, name: str = "worker") -> None:
        self.user = user
        self._log = user.home / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, **variables: str) -> None:
        """Start it; what an earlier one logged stays."""
        words = ["worker", "--http", "127.0.0.1:0", "--log-format", "json", *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", str(BIOMERO), *words],
                env={**self.user.env(), **variables},
                cwd=self.user.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def wait_until_it_works(self) -> None:
        wait_until(
            lambda: bool(self.logged("begins")), f"{self._log} says that it begins", timeout_s=START_WITHIN_S
        )

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self, *, timeout_s: float = 60) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout_s)

    def end(self) -> None:
        """See that it has ended."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def text(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    def logged(self, words: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if words in line["message"]]

    @property
    def address(self) -> str:
        """Where it answers over HTTP."""
        found = _ADDRESS.findall(self.text)
        return str(found[-1])


@contextmanager
def worker_process(
    user: User, name: str = "worker", *options: str, **variables: str
) -> Iterator[WorkerProcess]:
    """Run a worker in the block."""
    worker = WorkerProcess(user, name)
    worker.start(*options, **variables)
    try:
        worker.wait_until_it_works()
        yield worker
    finally:
        worker.end()


def has_status(user: User, run_id: str, *statuses: str) -> bool:
    """Say whether a run has one of some statuses."""
    shown = user.here("runs", "show", run_id, "--json")
    return shown.document["status"] in statuses
