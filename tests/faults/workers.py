"""Workers as processes that a test starts, kills, freezes and starts again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from faults.counted_calls import Death
from services.command import BIOMERO
from services.processes import descendants, wait_until

LEASE_S = 30
"""So long a worker that gives no sign of life is believed to live."""

_TESTS = Path(__file__).resolve().parents[1]
# another machine, as far as processes can tell: process numbers are counted apart
_ELSEWHERE = ("unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")


class WorkerProcess:
    """One worker. It dies with this process, however that ends.

    Parameters
    ----------
    env
        Its whole environment.
    log
        What it prints.
    death
        Where it kills itself; a program of the tests stands in for the real one then, with the same engine.
    calls
        Where that one writes down which ports it calls.
    elsewhere
        It seems to run on another machine.
    options
        Of the command line, for the real one.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        log: Path,
        *,
        death: Death | None = None,
        calls: Path | None = None,
        elsewhere: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        self.env = dict(env)
        self.log = log
        self._argv: Sequence[str] = (str(BIOMERO), "worker", *options)
        if death is not None or calls is not None:
            words = [sys.executable, "-m", "faults.dying_worker", str(calls or os.devnull)]
            self._argv = (*words, *([str(death)] if death else []))
            self.env["PYTHONPATH"] = str(_TESTS)
        if elsewhere:
            self._argv = (*_ELSEWHERE, *self._argv)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it may not be ready yet when this returns."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", *self._argv],
                env=self.env,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        """It has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def words(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def is_named(self, worker: str) -> bool:
        """Say whether the record means this one by ``host|pid|started``; not for one that is elsewhere."""
        return self._process is not None and worker.split("|")[1:2] == [str(self._process.pid)]

    def kill(self) -> None:
        """End it as a power cut would; the jobs that it started on this machine go on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, *, within_s: float = 60.0) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self.signal(signal.SIGTERM)
        return self._process.wait(timeout=within_s)

    def wait(self, *, timeout_s: float = 120.0) -> int:
        """Wait until it ends by itself."""
        assert self._process is not None
        return self._process.wait(timeout=timeout_s)

    def freeze(self) -> None:
        """Stop it where it stands, without a word to anybody."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the worker itself."""
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _pids(self) -> list[int]:
        """Return the worker's own process; what starts it elsewhere has it as its only child."""
        if self._process is None or self._process.poll() is not None:
            return []
        if self._argv[0] != _ELSEWHERE[0]:
            return [self._process.pid]
        children = descendants(self._process.pid)
        return children[:1] or [self._process.pid]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        if self.is_alive and kind is None:
            self.thaw()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()
        self.kill()


class Supervisor:
    """Starts a worker again whenever it has ended, as systemd does, until it is told to stop.

    Attributes
    ----------
    starts
        How often it was started.
    """

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self.starts = 0
        self._is_over = threading.Event()
        # a worker dies with the thread that started it, so that it must outlive the worker
        self._may_end = threading.Event()
        self._thread = threading.Thread(target=self._look_after, daemon=True)

    def __enter__(self) -> Self:
        self._start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self.worker.__exit__(kind, error, trace)
        self._may_end.set()
        self._thread.join()
        self.worker.kill()

    def kill(self) -> None:
        """Kill the worker, and wait until another one runs."""
        before = self.starts
        self.worker.kill()
        wait_until(lambda: self.starts > before, "the worker is started again")

    def _start(self) -> None:
        self.worker.start()
        self.starts += 1

    def _look_after(self) -> None:
        while not self._is_over.wait(0.1):
            if not self.worker.is_alive:
                self._start()
        self._may_end.wait()
