"""Job states and array indices as Slurm's commands print them."""

from __future__ import annotations

import re

from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobState
from biomero.errors import UnparsableOutputError

_JOB_ID = re.compile(r"(?P<job>\d+)(?:_(?:(?P<index>\d+)|\[(?P<indices>[\d,:-]+)(?:%\d+)?\]))?")


def parse_state(text: str) -> JobState:
    """Return the state that ``squeue``'s ``%T`` or ``sacct --parsable2`` names.

    ``CANCELLED by 1001`` is `JobState.CANCELLED`.

    Raises
    ------
    UnparsableOutputError
        If it is none that we know; also if it was cut (``OUT_OF_ME+``).
    """
    word = text.partition(" ")[0]
    if word not in JobState.__members__:
        raise UnparsableOutputError(f"Slurm named a job state that BIOMERO does not know: {text!r}")
    return JobState[word]


def parse_job_id(text: str) -> tuple[SlurmJobId, tuple[int, ...] | None]:
    """Return the job's id and the array indices that a row is about; ``None`` for no array.

    Array tasks that wait share a row, such as ``11_[0,3-7:2%2]``.

    Raises
    ------
    UnparsableOutputError
        If it is no job id; also if a list of indices was cut (``11_[1,3,...]``).
    """
    found = _JOB_ID.fullmatch(text)
    if found is None:
        raise UnparsableOutputError(f"this is not a job id of Slurm: {text!r}")
    job_id = SlurmJobId(int(found["job"]))
    if found["index"] is not None:
        return job_id, (int(found["index"]),)
    if found["indices"] is not None:
        return job_id, tuple(i for part in found["indices"].split(",") for i in _expand(part, text))
    return job_id, None


def _expand(part: str, text: str) -> range:
    numbers = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part)
    if numbers is None:
        raise UnparsableOutputError(f"these are not array indices of Slurm: {text!r}")
    first, last, step = numbers.groups()
    return range(int(first), int(last or first) + 1, int(step or 1))


def fields(line: str, count: int, command: str) -> list[str]:
    """Split a row at its separators.

    Raises
    ------
    UnparsableOutputError
        If it has not `count` fields.
    """
    values = line.split("|")
    if len(values) != count:
        raise UnparsableOutputError(f"{command} answered with a row that has not {count} fields: {line!r}")
    return values
