"""Handing jobs over and hearing what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition: its name, whether it is the default, and its longest time limit in minutes."""

    name: str
    is_default: bool = False
    max_time_min: int | None = None


class Scheduler(Protocol):
    """Submits jobs and reports on them."""

    def submit(self, spec: JobSpec) -> JobRef:
        """Hand a job to the scheduler, or find the one that was handed over under the same key.

        On return the scheduler has accepted exactly one job of that key. Looking and submitting happen
        in one locked remote command, so that neither a second caller nor a second attempt doubles it.

        Raises
        ------
        SubmissionRejectedError
            If the same job would be refused again. Nothing is left behind.
        SchedulerUnavailableError
            If a later try may succeed. Whether a job exists is then unknown: try again with the same key.
        ConnectionFailedError, RemoteTimeoutError
            Likewise unknown; try again with the same key.
        """
        ...

    def report(self, jobs: Sequence[JobRef]) -> Mapping[SlurmJobId, JobReport]:
        """Report on many jobs in at most two remote commands, however many they are.

        Jobs that nobody knows are absent. An array is reported task by task.

        Raises
        ------
        SchedulerUnavailableError, ConnectionFailedError, RemoteTimeoutError
            Nothing was learnt about any job.
        """
        ...

    def cancel(self, jobs: Sequence[JobRef]) -> None:
        """Ask for the jobs' end. A job that has ended already, or that never was, is no error.

        A job is known by its key: its id may be 0 where nobody heard whether it was submitted.

        Raises
        ------
        SchedulerUnavailableError
            If it could not be asked; jobs may or may not end.
        """
        ...

    def partitions(self) -> list[Partition]:
        """Return the partitions that the account can see; empty where the scheduler knows none."""
        ...
