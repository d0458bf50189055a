"""``sacct``: how jobs ended and what they used, from the cluster's account."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from biomero.adapters.slurm.states import fields, parse_job_id, parse_state
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobState, JobUsage
from biomero.errors import UnparsableOutputError

FORMAT = "JobID,JobName,State,ExitCode,ElapsedRaw,TotalCPU,MaxRSS,NodeList"
_MIB = {"": 1 / 1048576, "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1048576.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One life of a job, or of those tasks of an array that never began."""

    job_id: SlurmJobId
    indices: tuple[int, ...] | None
    name: str
    state: JobState
    cancelled_by: str
    exit_code: int
    signal: int
    usage: JobUsage


def sacct(job_ids: Sequence[SlurmJobId]) -> tuple[str, ...]:
    """Return the command that asks about jobs by id, steps and earlier lives of the id included."""
    ids = ",".join(str(i) for i in job_ids)
    return ("sacct", "--noheader", "--parsable2", "--duplicates", f"--format={FORMAT}", f"--jobs={ids}")


def parse_sacct(stdout: str) -> list[AccountRow]:
    """Read the answer, oldest life first.

    Rows may be of jobs that nobody asked for: ``--jobs=13`` also selects the array task whose raw id is 13,
    and an id may have been another's before.

    Raises
    ------
    UnparsableOutputError
        If a row, a state or a number cannot be understood.
    """
    lives: list[tuple[list[str], list[list[str]]]] = []
    for line in stdout.splitlines():
        if not line:
            continue
        values = fields(line, 8, "sacct")
        job, dot, _step = values[0].partition(".")
        if not dot:
            lives.append((values, []))
        elif lives and lives[-1][0][0] == job:
            lives[-1][1].append(values)
    return [_life(values, steps) for values, steps in lives]


def _life(values: list[str], steps: list[list[str]]) -> AccountRow:
    job, name, state, exit_code, elapsed, cpu, _memory, nodes = values
    job_id, indices = parse_job_id(job)
    code, _, signal = exit_code.partition(":")
    peaks = [_memory_mb(step[6]) for step in steps if step[6]]
    ran = nodes not in {"", "None assigned"}
    return AccountRow(
        job_id=job_id,
        indices=indices,
        name=name,
        state=parse_state(state),
        cancelled_by=state.partition(" by ")[2],
        exit_code=_number(code),
        signal=_number(signal or "0"),
        usage=JobUsage(
            elapsed_s=_number(elapsed) if ran and elapsed else None,
            cpu_s=_cpu_s(cpu) if ran and cpu else None,
            max_memory_mb=max(peaks, default=None),
            node=nodes if ran else None,
        ),
    )


def _number(text: str) -> int:
    if not text.isdigit():
        raise UnparsableOutputError(f"sacct gave {text!r} where a number belongs")
    return int(text)


def _cpu_s(text: str) -> float:
    """Read ``[days-[hours:]]minutes:seconds[.fraction]``."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)", text)
    if found is None:
        raise UnparsableOutputError(f"sacct gave {text!r} where a processor time belongs")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def _memory_mb(text: str) -> float:
    """Read ``3352K``, ``1.50G`` or ``0``, in MiB."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)n?", text)
    if found is None:
        raise UnparsableOutputError(f"sacct gave {text!r} where an amount of memory belongs")
    return float(found[1]) * _MIB[found[2]]
