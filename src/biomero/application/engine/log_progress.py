"""How far jobs say they are: the last percentage in their logs, read as far as they have grown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from biomero.application.ports.clock import Clock
from biomero.application.ports.shell import RemoteShell
from biomero.domain.ids import JobKey
from biomero.domain.job import JobRef

_EVERY_S = 10.0
_AT_ONCE = 100
"""Logs in one command: each costs the login node some small programs."""

# $1 how much is read of what is new, $2 how much before it: a number may have been cut in two
# Lines of "id offset folder" come in; the answer has "id size words", where a log has grown.
# Logs belong to the workflow: nothing of them but these words goes on, and links are not followed.
_READ = r"""
most=$1 again=$2
while IFS=' ' read -r id offset folder; do
  for log in "$folder"/logs/*-"$id".log; do
    [ -f "$log" ] && [ ! -L "$log" ] || continue
    size=$(wc -c <"$log") || continue
    size=$((size))
    [ "$size" -gt "$offset" ] || continue
    from=$((offset > again ? offset - again : 0))
    word=$(tail -c "+$((from + 1))" -- "$log" | tail -c "$most" | tr -c '0-9A-Za-z%/. ' '\n' |
      grep -oE '[0-9]+([.][0-9]+)?%|PROGRESS [0-9]+/[0-9]+' | tail -n 1)
    printf '%s %s %s\n' "$id" "$size" "$word"
  done
done
"""
_MOST_BYTES = 8192
_AGAIN_BYTES = 32

_ROW = re.compile(r"(?P<id>\d+) (?P<size>\d+) (?P<word>.*)")
_STEPS = re.compile(r"PROGRESS (\d+)/(\d+)")
_PERCENT = re.compile(r"(\d+)(?:\.\d+)?%")
_ALL = 100


def percent_of(word: str) -> int | None:
    """Return the whole percent that a log's word means; ``None`` where it means none.

    >>> [percent_of(word) for word in ("43%", "99.9%", "PROGRESS 3/7", "PROGRESS 1/0", "250%", "")]
    [43, 99, 42, None, None, None]
    """
    steps = _STEPS.fullmatch(word)
    if steps is not None:
        done, total = int(steps[1]), int(steps[2])
        return _ALL * done // total if 0 <= done <= total and total else None
    found = _PERCENT.fullmatch(word)
    return int(found[1]) if found is not None and int(found[1]) <= _ALL else None


@dataclass(slots=True)
class _Log:
    """How far a log was read, and what it said last."""

    offset: int = 0
    percent: int | None = None
    read_at: int = -1


@dataclass(slots=True)
class LogProgress:
    """Reads the logs of running jobs now and then: one command for all of them, only what is new.

    Single jobs alone: how far an array is, its tasks tell.
    """

    clock: Clock
    _logs: dict[JobKey, _Log] = field(default_factory=dict)
    _read_at: datetime | None = None
    _turn: int = 0

    def read(self, shell: RemoteShell, running: Sequence[JobRef]) -> None:
        """Read on in the logs of jobs that run, if it is time to; others are forgotten.

        Raises
        ------
        ClusterError
            As `RemoteShell.run` raises. A later look reads what was missed.
        """
        singles = {job.key: job for job in running if job.array_size is None}
        self._logs = {key: self._logs.get(key, _Log()) for key in singles}
        now = self.clock.now()
        if not singles or self._read_at is None:
            # jobs that have just begun have hardly come far, and may be short
            self._read_at = now if singles else None
            return
        if abs((now - self._read_at).total_seconds()) < _EVERY_S:
            return
        self._read_at = now
        self._turn += 1
        due = sorted(singles, key=lambda key: self._logs[key].read_at)[:_AT_ONCE]
        lines = [f"{singles[k].job_id} {self._logs[k].offset} {singles[k].folder}\n" for k in due]
        for key in due:
            self._logs[key].read_at = self._turn
        done = shell.run(
            ("sh", "-c", _READ, "sh", str(_MOST_BYTES), str(_AGAIN_BYTES)),
            stdin="".join(lines).encode(errors="surrogateescape"),
        )
        self._take(done.stdout.splitlines(), {int(singles[key].job_id): key for key in due})

    def percent(self, key: JobKey) -> int | None:
        """Return how far a job says it is."""
        log = self._logs.get(key)
        return None if log is None else log.percent

    def _take(self, lines: Iterable[str], keys: dict[int, JobKey]) -> None:
        for line in lines:
            row = _ROW.fullmatch(line)
            key = keys.get(int(row["id"])) if row is not None else None
            if row is None or key is None:
                continue  # what login scripts print
            log = self._logs[key]
            log.offset = int(row["size"])
            percent = percent_of(row["word"])
            if percent is not None:
                log.percent = percent
