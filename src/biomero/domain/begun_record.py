"""That a job has begun by its own account, and how long it may take: what job scripts leave, read back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from biomero.domain.ids import JobKey, SlurmJobId
from biomero.errors import UnparsableOutputError

WAITED_FOR_S = 24 * 3600
"""So long after its begin a job is waited for whose time limit is not known."""

_LINE = re.compile(
    r"begun key=(?P<key>\S+) job_id=(?P<job_id>\d+) task=(?P<task>\d*)"
    r" began=(?P<began>\d+) until=(?P<until>\d+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunRecord:
    """A job, or one array task, that has begun by its own account, and has left no exit file.

    Parameters
    ----------
    began, until
        When it began, and until when it may take, in seconds since 1970.
    """

    key: JobKey
    job_id: SlurmJobId
    index: int | None
    began: int
    until: int

    @property
    def reason(self) -> str:
        """Why the job is waited for although nobody in Slurm knows it, for people."""
        return (
            f"Slurm does not know job {self.job_id} any more, but it began at {moment(self.began)} and has "
            f"not said how it ended; it is waited for until {moment(self.until)}"
        )


def parse_begun_record(line: str) -> BegunRecord:
    """Read what a job script wrote when it began.

    Raises
    ------
    UnparsableOutputError
        If the line is not of that form.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        raise UnparsableOutputError(f"this is not what a job script leaves behind: {line!r}")
    return BegunRecord(
        key=JobKey(found["key"]),
        job_id=SlurmJobId(int(found["job_id"])),
        index=int(found["task"]) if found["task"] else None,
        began=int(found["began"]),
        until=int(found["until"]),
    )


def moment(seconds: int) -> str:
    """Return a time, in seconds since 1970, for people of any time zone."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
