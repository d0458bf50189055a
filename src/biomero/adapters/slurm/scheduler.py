"""Slurm behind the port, over any shell that reaches a login node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.endings import Endings, endings, parse_endings
from biomero.adapters.slurm.history import history, parse_history
from biomero.adapters.slurm.load import array_limit, load, parse_array_limit, parse_load
from biomero.adapters.slurm.merge import merge, unsettled
from biomero.adapters.slurm.sbatch import essence, is_about_partition, is_full, is_refusal
from biomero.adapters.slurm.scancel import scancel
from biomero.adapters.slurm.sinfo import parse_sinfo, sinfo
from biomero.adapters.slurm.squeue import parse_squeue, squeue
from biomero.adapters.slurm.submission import Submission, parse_submit, submit
from biomero.application.disk_errors import remote_disk_error
from biomero.application.ports.scheduler import ClusterLoad, KnownJob, Partition
from biomero.application.ports.shell import CommandResult, RemoteShell
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobSpec
from biomero.errors import (
    ArrayTooLargeError,
    BiomeroError,
    NoSpaceError,
    SchedulerBusyError,
    SchedulerUnavailableError,
    SubmissionRejectedError,
)

# Longer than the lock (90 s) and sbatch (60 s) may take together.
_SUBMIT_TIMEOUT_S = 200.0
# Without its controller squeue gives up after 9 to 29 s.
_ASK_TIMEOUT_S = 90.0


class SlurmScheduler:
    """Submits to Slurm and reports on its jobs; see `Scheduler`.

    Parameters
    ----------
    shell
        Runs programs on a login node.
    cluster
        What messages call the cluster.
    """

    def __init__(self, shell: RemoteShell, *, cluster: str = "the cluster") -> None:
        self._shell = shell
        self._cluster = cluster
        self._max_array_size: tuple[int | None] | None = None

    def submit(self, spec: JobSpec) -> JobRef:
        """See `Scheduler.submit`; it is one remote command."""
        done = self._run(submit(spec), timeout_s=_SUBMIT_TIMEOUT_S)
        if not done.ok:
            raise SchedulerUnavailableError(
                f"submitting to {self._cluster} ended with status {done.exit_status}: {essence(done.stderr)}"
            )
        submission = parse_submit(done.stdout)
        if submission.job_id is None:
            raise self._obstacle(spec, submission, essence(done.stderr))
        return JobRef(
            key=spec.key,
            job_id=submission.job_id,
            folder=spec.script.rpartition("/")[0],
            array_size=spec.array_size,
        )

    def report(self, jobs: Sequence[JobRef]) -> Mapping[SlurmJobId, JobReport]:
        """See `Scheduler.report`: one ``squeue``, then one look at the records of those that ended.

        A job is known by its name; under an id that was given out again another job is not taken for ours.
        """
        if not jobs:
            return {}
        done = self._run(squeue([job.job_id for job in jobs]), timeout_s=_ASK_TIMEOUT_S)
        if not done.ok:
            raise SchedulerUnavailableError(f"squeue failed on {self._cluster}: {essence(done.stderr)}")
        queue = parse_squeue(done.stdout)
        open_jobs, awaited = unsettled(jobs, queue)
        record = Endings()
        if open_jobs:
            done = self._run(endings(open_jobs, awaited=awaited), timeout_s=_ASK_TIMEOUT_S)
            if not done.ok:
                raise SchedulerUnavailableError(f"sacct failed on {self._cluster}: {essence(done.stderr)}")
            record = parse_endings(done.stdout)
        return merge(jobs, queue, record)

    def cancel(self, jobs: Sequence[JobRef]) -> None:
        """See `Scheduler.cancel`."""
        if not jobs:
            return
        done = self._run(scancel(jobs), timeout_s=_SUBMIT_TIMEOUT_S)
        if not done.ok:
            raise SchedulerUnavailableError(f"scancel failed on {self._cluster}: {essence(done.stderr)}")

    def history(
        self, *, since: datetime | None = None, jobs: Sequence[SlurmJobId] | None = None
    ) -> list[KnownJob]:
        """See `Scheduler.history`; one remote command."""
        if jobs is not None and not jobs:
            return []
        done = self._run(history(since, jobs), timeout_s=_ASK_TIMEOUT_S)
        if not done.ok:
            raise SchedulerUnavailableError(f"squeue failed on {self._cluster}: {essence(done.stderr)}")
        return parse_history(done.stdout, jobs)

    def partitions(self) -> list[Partition]:
        """See `Scheduler.partitions`."""
        done = self._run(sinfo(), timeout_s=_ASK_TIMEOUT_S)
        if not done.ok:
            raise SchedulerUnavailableError(f"sinfo failed on {self._cluster}: {essence(done.stderr)}")
        return parse_sinfo(done.stdout)

    def load(self) -> ClusterLoad:
        """See `Scheduler.load`."""
        done = self._run(load(), timeout_s=_ASK_TIMEOUT_S)
        if not done.ok:
            raise SchedulerUnavailableError(
                f"sinfo or squeue failed on {self._cluster}: {essence(done.stderr)}"
            )
        return parse_load(done.stdout)

    def max_array_size(self) -> int | None:
        """See `Scheduler.max_array_size`."""
        if self._max_array_size is None:
            done = self._run(array_limit(), timeout_s=_ASK_TIMEOUT_S)
            if not done.ok:
                raise SchedulerUnavailableError(f"scontrol failed on {self._cluster}: {essence(done.stderr)}")
            self._max_array_size = (parse_array_limit(done.stdout),)
        return self._max_array_size[0]

    def _run(self, command: Command, *, timeout_s: float) -> CommandResult:
        return self._shell.run(command.argv, stdin=command.stdin, timeout_s=timeout_s)

    def _obstacle(self, spec: JobSpec, submission: Submission, words: str) -> BiomeroError:
        where = self._cluster
        if submission.obstacle == "nowhere":
            return SubmissionRejectedError(f"there is no folder {submission.detail} on {where}")
        if submission.obstacle == "closed":
            what = f"cannot write in {submission.detail} on {where}"
            told = remote_disk_error(what, words)
            return told if isinstance(told, NoSpaceError) else SubmissionRejectedError(f"{what}: {words}")
        if submission.obstacle == "busy":
            return SchedulerUnavailableError(f"{submission.detail} did not answer on {where}: {words}")
        if submission.obstacle == "cancelled":
            return SubmissionRejectedError(f"the job {spec.key} was cancelled before it came to {where}")
        if submission.obstacle == "absent":
            return SubmissionRejectedError(
                f"there is no sbatch on {where}: check that it is a login node of a Slurm cluster, "
                "and that commands without a terminal find Slurm on their PATH"
            )
        return self._refusal(spec, submission, words)

    def _refusal(self, spec: JobSpec, submission: Submission, words: str) -> BiomeroError:
        where = self._cluster
        if is_about_partition(words) and submission.partitions:
            names = ", ".join(submission.partitions)
            return SubmissionRejectedError(
                f"no partition {spec.resources.partition!r} on {where}; it has: {names}"
            )
        if is_full(words):
            return self._limit(spec, submission, words)
        if is_refusal(words):
            return SubmissionRejectedError(f"Slurm on {where} refused the job {spec.key}: {words}")
        return SchedulerUnavailableError(
            f"sbatch failed on {where}, whether the job {spec.key} was accepted is not known: {words}"
        )

    def _limit(self, spec: JobSpec, submission: Submission, words: str) -> BiomeroError:
        where = self._cluster
        if submission.others == 0 and (spec.array_size or 1) > 1:
            return ArrayTooLargeError(f"{where} does not take {spec.array_size} array tasks at once: {words}")
        return SchedulerBusyError(f"{where} takes no more jobs of this account for now: {words}")
