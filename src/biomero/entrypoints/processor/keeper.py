"""Runs one script and ends all that it started, whatever happens: a program of its own (``python -m``).

It stands between the processor and the script. Processes that the script leaves behind become its children,
so that none is lost; when the processor dies, its end of the pipe closes, and the script is ended, too.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from biomero.entrypoints.processor import tree

_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_LOOK_EVERY_S = 0.25
_GRACE_S = 5.0
TOO_LONG = 124
"""The exit code of a script that was ended for its time, as timeout(1) has it."""
TOO_BIG = 137
"""The exit code of a script that was ended for its memory, as shells show the kernel's own doing."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD)


class Script:
    """A script that runs."""

    def __init__(self, argv: list[str]) -> None:
        self.status: int | None = None
        self.pid = os.posix_spawnp(
            argv[0],
            argv,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            setsigmask=(),
            setsigdef=_SIGNALS,
        )

    def reap(self) -> None:
        """Take note of what has ended."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.pid:
                    self.status = ended[1]

    def end(self, grace_s: float) -> None:
        """End the script and all below it; politely at first, if there is time for that."""
        deadline = time.monotonic() + grace_s
        if grace_s:
            tree.send(tree.below(os.getpid()), signal.SIGTERM)
        while rest := tree.below(os.getpid()):
            if time.monotonic() >= deadline or _asked(signal.SIGQUIT):
                deadline = 0.0
                tree.send(rest, signal.SIGKILL)
            time.sleep(0.02)
            self.reap()
        self.reap()


def main() -> int:
    """Run the script; return its exit code, or end by the signal that ended it."""
    chosen = _arguments()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)
    with _turn(chosen.turns, chosen.at_once) as is_wanted:
        if not is_wanted:
            return _as_signal(signal.SIGTERM)
        script = Script(chosen.argv)
        code = _watch(script, time_limit_s=chosen.time_limit_s, memory_mb=chosen.memory_mb)
    if code is not None:
        return code
    status = script.status or 0
    return _as_signal(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--time-limit-s", type=int, default=0)
    parser.add_argument("--memory-mb", type=int, default=0)
    parser.add_argument("--turns", type=Path, help="folder whose locks are the turns of scripts")
    parser.add_argument("--at-once", type=int, default=0)
    parser.add_argument("argv", nargs="+")
    return parser.parse_args()


def _watch(script: Script, *, time_limit_s: int, memory_mb: int) -> int | None:
    """Wait for the script's end; return the exit code if we ended it for a reason of our own."""
    started = time.monotonic()
    while script.status is None:
        number = _next_signal()
        script.reap()
        if number in {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
            script.end(_GRACE_S)
        elif number == signal.SIGQUIT or _is_left_alone():
            script.end(0)
        elif time_limit_s and time.monotonic() - started > time_limit_s:
            return _give_up(script, f"it ran for {time_limit_s} s, which is the limit", TOO_LONG)
        elif memory_mb and tree.memory_bytes(tree.below(os.getpid())) > memory_mb * 1024 * 1024:
            return _give_up(script, f"it took more than {memory_mb} MB, which is the limit", TOO_BIG)
    script.end(0)
    return None


def _give_up(script: Script, why: str, code: int) -> int:
    script.end(_GRACE_S)
    sys.stderr.write(f"BIOMERO ended this script: {why} on this worker\n")
    return code


def _next_signal() -> int | None:
    found = signal.sigtimedwait(_SIGNALS, _LOOK_EVERY_S)
    return found.si_signo if found else None


def _asked(number: signal.Signals) -> bool:
    return signal.sigtimedwait((number,), 0) is not None


def _is_left_alone() -> bool:
    """Say whether the processor has ended: it holds the other end of the pipe and never writes."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


@contextlib.contextmanager
def _turn(folder: Path | None, at_once: int) -> Iterator[bool]:
    """Hold one of a number of locks; ``False`` if the script is not wanted any more before it got one."""
    if folder is None or not at_once:
        yield True
        return
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        for number in range(at_once):
            with (folder / str(number)).open("w") as lock:
                if _is_ours(lock):
                    yield True
                    return
        if (
            _next_signal() in {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
            or _is_left_alone()
        ):
            yield False
            return


def _is_ours(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _as_signal(number: int) -> int:
    """End as the script did, so that whoever waits for us sees the signal."""
    if number not in {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)
    return 128 + number


if __name__ == "__main__":
    sys.exit(main())
