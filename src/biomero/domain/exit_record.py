"""How a job ended by its own account: what job scripts leave behind, read back."""

from __future__ import annotations

import re
from dataclasses import dataclass

from biomero.domain.ids import JobKey
from biomero.domain.job import JobRef, JobState, JobUsage
from biomero.errors import UnparsableOutputError

_LINE = re.compile(
    r"key=(?P<key>\S+) job_id=\d+ task=(?P<task>\d*) exit_code=(?P<exit_code>\d+) signal=(?P<signal>\d+)"
    r" host=(?P<host>\S*) started=(?P<started>\d+) ended=(?P<ended>\d+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRecord:
    """How a job, or one array task, ended by its own account."""

    key: JobKey
    index: int | None
    exit_code: int
    signal: int
    usage: JobUsage

    @property
    def state(self) -> JobState:
        """What Slurm would say; who was told to end has not ended well, whatever the reason was."""
        well = self.exit_code == 0 and self.signal == 0
        return JobState.COMPLETED if well else JobState.FAILED


def exit_file_prefix(job: JobRef) -> str:
    """Return the path that, alone or followed by ``.<task>``, is the exit file of this job."""
    return f"{job.folder.rstrip('/')}/exit.{job.key}"


def parse_exit_files(text: str) -> list[ExitRecord]:
    """Read exit files one after the other.

    Raises
    ------
    UnparsableOutputError
        If a line is not of their form.
    """
    return [_record(line) for line in text.splitlines() if line]


def _record(line: str) -> ExitRecord:
    found = _LINE.fullmatch(line)
    if found is None:
        raise UnparsableOutputError(f"this is not what a job script leaves behind: {line!r}")
    return ExitRecord(
        key=JobKey(found["key"]),
        index=int(found["task"]) if found["task"] else None,
        exit_code=int(found["exit_code"]),
        signal=int(found["signal"]),
        usage=JobUsage(
            elapsed_s=int(found["ended"]) - int(found["started"]),
            node=found["host"] or None,
            started_at=int(found["started"]),
        ),
    )
