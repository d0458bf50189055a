"""Ends what a test started when the test is killed before it can do so itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.processes import end, with_environment


@contextmanager
def guarded(assignment: str) -> Iterator[None]:
    """End all processes whose environment holds ``NAME=value`` when the block ends, or this process."""
    guard = subprocess.Popen(
        [sys.executable, "-m", "services.guard", assignment],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        start_new_session=True,
    )
    try:
        yield
    finally:
        end_all(assignment)
        guard.communicate(b"done")


def end_all(assignment: str) -> None:
    """End all processes whose environment holds ``NAME=value``; those that they start meanwhile, too."""
    for _ in range(10):
        found = with_environment(assignment)
        if not found:
            return
        end(found)


def main() -> None:
    """Wait until the test is done or dead; in the second case end what it started."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() != b"done":
        end_all(sys.argv[1])


if __name__ == "__main__":
    main()
