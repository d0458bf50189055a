"""``sacct``: how jobs ended and what they used, from the cluster's account."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biomero.adapters.slurm.states import fields, parse_job_id, parse_state
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobState, JobUsage
from biomero.errors import UnparsableOutputError

_FIELDS = (
    *("JobID", "JobName", "State", "ExitCode", "ElapsedRaw", "TotalCPU", "MaxRSS", "NodeList"),
    *("Submit", "Start", "Partition", "AllocCPUS", "AllocTRES", "ConsumedEnergyRaw"),
)
FORMAT = ",".join(_FIELDS)
"""To be asked with ``SLURM_TIME_FORMAT=%s``, which makes moments seconds since 1970."""

_NO_ENERGY = 2**32 - 2
"""Slurm's number for none, in the shorter of two lengths; so many joules are 1,200 kWh."""

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
        values = fields(line, len(_FIELDS), "sacct")
        job, dot, _step = values[0].partition(".")
        if not dot:
            lives.append((values, []))
        elif lives and lives[-1][0][0] == job:
            lives[-1][1].append(values)
    return [_life(values, steps) for values, steps in lives]


def _life(values: list[str], steps: list[list[str]]) -> AccountRow:
    row = dict(zip(_FIELDS, values, strict=True))
    job_id, indices = parse_job_id(row["JobID"])
    code, _, signal = row["ExitCode"].partition(":")
    return AccountRow(
        job_id=job_id,
        indices=indices,
        name=row["JobName"],
        state=parse_state(row["State"]),
        cancelled_by=row["State"].partition(" by ")[2],
        exit_code=_number(code),
        signal=_number(signal or "0"),
        usage=_usage(row, [dict(zip(_FIELDS, step, strict=True)) for step in steps]),
    )


def _usage(row: Mapping[str, str], steps: Sequence[Mapping[str, str]]) -> JobUsage:
    if row["NodeList"] in {"", "None assigned"}:  # it never ran
        return JobUsage()
    peaks = [_memory_mb(step["MaxRSS"]) for step in steps if step["MaxRSS"]]
    submitted, started = _moment(row["Submit"]), _moment(row["Start"])
    allocated = dict(part.split("=", 1) for part in row["AllocTRES"].split(",") if "=" in part)
    memory_mb = _memory_mb(allocated.get("mem", "0"))
    return JobUsage(
        elapsed_s=_number(row["ElapsedRaw"]) if row["ElapsedRaw"] else None,
        cpu_s=_cpu_s(row["TotalCPU"]) if row["TotalCPU"] else None,
        max_memory_mb=max(peaks, default=None),
        node=row["NodeList"],
        partition=row["Partition"] or None,
        started_at=started,
        waited_s=None if submitted is None or started is None else max(0, started - submitted),
        allocated_cpus=_number(row["AllocCPUS"] or "0") or None,
        allocated_memory_mb=memory_mb / (_number(allocated.get("node", "1")) or 1) or None,
        gpus=_gpus(allocated),
        energy_j=_energy_j([row, *steps]),
    )


def _moment(text: str) -> int | None:
    """Read seconds since 1970; ``Unknown`` and ``None`` stand where there is no moment."""
    return int(text) if text.isdigit() and text != "0" else None


def _gpus(allocated: Mapping[str, str]) -> int | None:
    """Return how many GPUs were given; not every cluster counts them, nor all of them by type."""
    if "gres/gpu" in allocated:
        return _number(allocated["gres/gpu"])
    typed = [_number(count) for name, count in allocated.items() if name.startswith("gres/gpu:")]
    return sum(typed) if typed else None


def _energy_j(rows: Sequence[Mapping[str, str]]) -> float | None:
    """Return what the nodes consumed meanwhile, by the job's own row or else that of a step.

    Steps run at the same time on the same nodes: their sum would count twice. Where nothing measures, Slurm
    prints 0, and some releases the largest numbers that there are.
    """
    for row in rows:
        text = row["ConsumedEnergyRaw"]
        if text.isdigit() and 0 < int(text) < _NO_ENERGY:
            return float(text)
    return None


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
