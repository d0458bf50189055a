"""Handing jobs over and hearing what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobSpec, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition: its name, whether it is the default, and its longest time limit in minutes."""

    name: str
    is_default: bool = False
    max_time_min: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLoad:
    """How busy a partition is.

    Parameters
    ----------
    is_up
        It takes and starts jobs.
    nodes
        How many nodes are in each state, as ``sinfo`` spells it: ``{"idle": 3, "drained": 1}``.
    """

    name: str
    is_default: bool = False
    is_up: bool = True
    nodes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnJob:
    """A job of our account that waits or runs, or those tasks of an array that stand alike.

    Parameters
    ----------
    name
        The key it was submitted under, where BIOMERO did that.
    indices
        The tasks of the array; ``None`` for a single job.
    elapsed_s
        How long it has run.
    """

    job_id: SlurmJobId
    name: str
    state: JobState
    indices: tuple[int, ...] | None = None
    partition: str = ""
    reason: str = ""
    nodes: str = ""
    elapsed_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLoad:
    """What goes on at a cluster: its partitions, and the jobs of our account that have not ended."""

    partitions: tuple[PartitionLoad, ...] = ()
    jobs: tuple[OwnJob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownJob:
    """A job of the account, ours or not, as the scheduler has it on record.

    Parameters
    ----------
    name
        Of our own jobs, the key.
    state
        That of the job as one, if it is an array; see `JobReport.state`.
    folder
        The folder that it was submitted to work in; empty where that is not on record.
    """

    job_id: SlurmJobId
    name: str
    state: JobState
    folder: str = ""


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
        NoSpaceError
            If there is no space or quota left in the folder of the script. Nothing is left behind.
        SchedulerBusyError
            If a limit on how many jobs there may be is reached: the same job is taken when others have ended.
        SchedulerUnavailableError
            If a later try may succeed. Whether a job exists is then unknown: try again with the same key.
        ConnectionFailedError, RemoteTimeoutError
            Likewise unknown; try again with the same key.
        """
        ...

    def report(self, jobs: Sequence[JobRef]) -> Mapping[SlurmJobId, JobReport]:
        """Report on many jobs in at most two remote commands, however many they are.

        Jobs that nobody knows are absent. One that the scheduler has forgotten, but that gives signs of life
        itself, is running, with a reason, until it has ended. An array is reported task by task. Two jobs of
        the same id, which there may be when a controller has lost its memory, are asked about apart.

        Raises
        ------
        SchedulerUnavailableError, ConnectionFailedError, RemoteTimeoutError
            Nothing was learnt about any job.
        """
        ...

    def cancel(self, jobs: Sequence[JobRef]) -> None:
        """Ask for the jobs' end. A job that has ended already, or that never was, is no error.

        A job is known by its key: its id may be 0 where nobody heard whether it was submitted. A submission
        under way is waited for, and one that comes later is rejected.

        Raises
        ------
        SchedulerUnavailableError
            If it could not be asked; jobs may or may not end.
        """
        ...

    def partitions(self) -> list[Partition]:
        """Return the partitions that the account can see; empty where the scheduler knows none."""
        ...

    def load(self) -> ClusterLoad:
        """Return what goes on at the cluster; one remote command.

        Raises
        ------
        SchedulerUnavailableError, ConnectionFailedError, RemoteTimeoutError
            Nothing was learnt.
        """
        ...

    def max_array_size(self) -> int | None:
        """Return how many tasks a job array may have; ``None`` where nobody says. Asked once only.

        A limit on how many jobs the account may have counts as well.

        Raises
        ------
        SchedulerUnavailableError, ConnectionFailedError, RemoteTimeoutError
            Nothing was learnt.
        """
        ...

    def history(
        self, *, since: datetime | None = None, jobs: Sequence[SlurmJobId] | None = None
    ) -> list[KnownJob]:
        """Return the jobs of the account, newest first: those that wait or run, and those on record.

        Parameters
        ----------
        since
            Leave out jobs that ended before; ``None`` for those of the last day.
        jobs
            Only these, however long ago they were; those that nobody knows are absent.

        Raises
        ------
        SchedulerUnavailableError, ConnectionFailedError, RemoteTimeoutError
            If it could not be asked. A cluster that keeps no account of jobs has those that it remembers.
        """
        ...
