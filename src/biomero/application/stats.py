"""Use case: say what runs and jobs cost, in groups."""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from biomero.application.ports.accounting import AccountingQuestions, JobFacts, RunFacts
from biomero.domain.failure import FailureClass
from biomero.domain.run_status import RunStatus

UNKNOWN = "unknown"
"""The class of failures of which only a sentence is known, and the name of who or what is not known."""

DEFAULT_PARTITION = "(default)"
NO_JOB = "(no job)"
NO_GROUP = "(no OMERO group)"
FAILURE_CLASSES = (*(kind.value for kind in FailureClass), UNKNOWN)
_HOUR_S = 3600
_KWH_J = 3_600_000


class Grouping(enum.Enum):
    """What runs and jobs are put together by."""

    USER = "user"
    GROUP = "group"
    """The group in OMERO that the run belongs to."""
    WORKFLOW = "workflow"
    PARTITION = "partition"
    """A run counts for every partition that one of its jobs ran in, or asked for where that is not known."""
    MONTH = "month"
    """The month, in UTC, in which the run was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a group of runs, and the jobs of these runs, cost; ``None`` where nothing is known.

    Parameters
    ----------
    failure_rate
        Failed runs among those that have ended.
    average_run_s
        From the request to the end, of runs that have ended.
    jobs
        Array tasks count one by one.
    measured_jobs
        Those whose wall time is known; hours, memory and energy are sums over jobs of which they are known.
    efficiency
        CPU time by wall time and CPUs allocated, over the jobs of which all three are known.
    memory_efficiency
        The largest memory by the memory allocated, over the jobs of which both are known, weighted by
        that memory.
    average_queue_s
        From a job's submission to its start.
    """

    group: str
    runs: int
    ended: int
    done: int
    failed: int
    cancelled: int
    failure_rate: float | None
    failures: Mapping[str, int]
    average_run_s: float | None
    jobs: int
    measured_jobs: int
    cpu_hours: float | None
    wall_hours: float | None
    efficiency: float | None
    max_memory_mb: float | None
    memory_efficiency: float | None
    gpu_hours: float | None
    energy_kwh: float | None
    average_queue_s: float | None

    def rate_of(self, kind: str) -> float | None:
        """Return how many of the runs that have ended failed for a class of reasons."""
        return self.failures.get(kind, 0) / self.ended if self.ended else None

    def columns(self) -> dict[str, Any]:
        """Return a flat row, with two columns for each class of failures."""
        row = asdict(self)
        failures = row.pop("failures")
        counts = {f"failed_{kind}": failures.get(kind, 0) for kind in FAILURE_CLASSES}
        return row | counts | {f"failure_rate_{kind}": self.rate_of(kind) for kind in FAILURE_CLASSES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What was asked, each group's usage, and that of all together."""

    by: Grouping
    since: datetime | None
    groups: tuple[Usage, ...]
    total: Usage


def measure_usage(accounting: AccountingQuestions, *, by: Grouping, since: datetime | None = None) -> Stats:
    """Sum up what runs and jobs cost; months are in their order, other groups by their number of runs.

    Raises
    ------
    RecordError
        If the database does not do its part.
    """
    runs, jobs = accounting.runs(since), accounting.jobs(since)
    by_id = {run.run_id: run for run in runs}
    jobs = [job for job in jobs if job.run_id in by_id]  # a run may begin between the two questions
    partitions: dict[UUID, set[str]] = defaultdict(set)
    group_jobs: dict[str, list[JobFacts]] = defaultdict(list)
    for job in jobs:
        partitions[job.run_id].add(job.partition or DEFAULT_PARTITION)
        group_jobs[_group_of_job(job, by_id[job.run_id], by)].append(job)
    group_runs: dict[str, list[RunFacts]] = defaultdict(list)
    for run in runs:
        for group in _groups_of_run(run, partitions[run.run_id], by):
            group_runs[group].append(run)
    groups = [_usage(name, some, group_jobs[name]) for name, some in group_runs.items()]
    is_month = by is Grouping.MONTH
    groups.sort(key=lambda usage: (0 if is_month else -usage.runs, usage.group))
    return Stats(by=by, since=since, groups=tuple(groups), total=_usage("all", runs, jobs))


def _group_of_job(job: JobFacts, run: RunFacts, by: Grouping) -> str:
    if by is Grouping.PARTITION:
        return job.partition or DEFAULT_PARTITION
    return next(iter(_groups_of_run(run, set(), by)))


def _groups_of_run(run: RunFacts, partitions: set[str], by: Grouping) -> Iterable[str]:
    match by:
        case Grouping.USER:
            return (run.user or UNKNOWN,)
        case Grouping.GROUP:
            return (NO_GROUP if run.group is None else f"OMERO group {run.group}",)
        case Grouping.WORKFLOW:
            return (run.workflow or UNKNOWN,)
        case Grouping.PARTITION:
            return partitions or {NO_JOB}
        case Grouping.MONTH:
            return (run.requested_at.strftime("%Y-%m"),)


def _usage(group: str, runs: Sequence[RunFacts], jobs: Sequence[JobFacts]) -> Usage:
    statuses = Counter(run.status for run in runs)
    ended = [run for run in runs if run.ended_at is not None]
    failed = statuses[RunStatus.FAILED.value]
    failures = Counter(r.failure_class or UNKNOWN for r in runs if r.status == RunStatus.FAILED.value)
    computed = [
        (job.cpu_s, job.wall_s * job.cpus)
        for job in jobs
        if job.cpu_s is not None and job.wall_s is not None and job.cpus is not None
    ]
    filled = [
        (job.max_memory_mb, job.memory_mb)
        for job in jobs
        if job.max_memory_mb is not None and job.memory_mb is not None
    ]
    with_gpus = [job.gpus * job.wall_s for job in jobs if job.gpus is not None and job.wall_s is not None]
    return Usage(
        group=group,
        runs=len(runs),
        ended=len(ended),
        done=statuses[RunStatus.DONE.value],
        failed=failed,
        cancelled=statuses[RunStatus.CANCELLED.value],
        failure_rate=failed / len(ended) if ended else None,
        failures=dict(failures),
        average_run_s=_mean((r.ended_at - r.requested_at).total_seconds() for r in ended if r.ended_at),
        jobs=len(jobs),
        measured_jobs=sum(job.wall_s is not None for job in jobs),
        cpu_hours=_sum((job.cpu_s for job in jobs), _HOUR_S),
        wall_hours=_sum((job.wall_s for job in jobs), _HOUR_S),
        efficiency=_part(computed),
        max_memory_mb=max((j.max_memory_mb for j in jobs if j.max_memory_mb is not None), default=None),
        memory_efficiency=_part(filled),
        gpu_hours=_sum(with_gpus, _HOUR_S),
        energy_kwh=_sum((job.energy_j for job in jobs), _KWH_J),
        average_queue_s=_mean(job.waited_s for job in jobs if job.waited_s is not None),
    )


def _sum(values: Iterable[float | None], unit: float) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / unit if known else None


def _part(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return what was used of what there was, by their sums."""
    there = sum(whole for _, whole in pairs)
    return sum(used for used, _ in pairs) / there if there else None


def _mean(values: Iterable[float]) -> float | None:
    some = list(values)
    return sum(some) / len(some) if some else None
