"""The embedded scheduler: job scripts on this machine, one after the other."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from biomero.adapters.local.orphans import orphan_end
from biomero.adapters.local.processes import is_alive, signal_group
from biomero.adapters.local.spool import Spool
from biomero.application.ports.scheduler import ClusterLoad, KnownJob, OwnJob, Partition
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobSpec, JobState, JobUsage, TaskReport
from biomero.errors import SchedulerUnavailableError, SubmissionRejectedError

# Not a child of ours: nobody would reap it, and it must not end with our terminal.
_DETACH = 'exec "$@" </dev/null >>"$0" 2>&1 &'


class LocalScheduler:
    """Runs jobs where there is no cluster, with the variables that Slurm would set; see `Scheduler`.

    Jobs run one after the other in the order of their submission, by whichever processes they were submitted;
    they outlive those processes. Time limits hold; memory limits and cores are the machine's own matter.
    Nothing runs in the background when no job is left.

    Parameters
    ----------
    spool
        A folder on a local disk, where the queue is kept.
    """

    def __init__(self, spool: Path) -> None:
        self._spool = Spool(spool.absolute())

    def submit(self, spec: JobSpec) -> JobRef:
        """See `Scheduler.submit`."""
        with self._queue():
            job_id = self._spool.find(spec.key)
            if job_id is None:
                if self._spool.is_unwanted(spec.key):
                    raise SubmissionRejectedError(f"the job {spec.key} was cancelled before it was submitted")
                _check(spec)
                job_id = self._spool.add(spec)
            if not self._spool.has_runner():
                self._start_runner()
        folder = spec.script.rpartition("/")[0]
        return JobRef(key=spec.key, job_id=job_id, folder=folder, array_size=spec.array_size)

    def report(self, jobs: Sequence[JobRef]) -> Mapping[SlurmJobId, JobReport]:
        """See `Scheduler.report`.

        A task whose runner was killed goes on, and its exit file tells the end; without one it is
        ``NODE_FAIL``. What waits behind it gets a new runner here.
        """
        with self._queue():
            waiting = self._spool.waiting()
            runs = self._spool.has_runner()
            if waiting and not runs:
                self._start_runner()
            known = [job for job in jobs if self._spool.find(job.key) == job.job_id]
            return {job.job_id: self._report(job, waiting, runs=runs) for job in known}

    def cancel(self, jobs: Sequence[JobRef]) -> None:
        """See `Scheduler.cancel`."""
        with self._queue():
            for job in jobs:
                found = self._spool.find(job.key)
                if found is None:
                    self._spool.set_unwanted(job.key)
                else:
                    self._spool.set_cancelled(found)
                    if not self._spool.has_runner():
                        self._end_orphans(dataclasses.replace(job, job_id=found))

    def history(
        self, *, since: datetime | None = None, jobs: Sequence[SlurmJobId] | None = None
    ) -> list[KnownJob]:
        """See `Scheduler.history`."""
        with self._queue():
            waiting = self._spool.waiting()
            runs = self._spool.has_runner()
            known = []
            for spec, job_id, submitted in self._spool.submitted():
                is_open = job_id in waiting
                is_wanted = job_id in jobs if jobs is not None else is_open or not since or submitted >= since
                if is_wanted:
                    folder = spec.script.rpartition("/")[0]
                    ref = JobRef(key=spec.key, job_id=job_id, folder=folder, array_size=spec.array_size)
                    state = self._report(ref, waiting, runs=runs).state or JobState.PENDING
                    known.append(KnownJob(job_id=job_id, name=spec.key, state=state, folder=folder))
            return sorted(known, key=lambda job: -job.job_id)

    def partitions(self) -> list[Partition]:
        """See `Scheduler.partitions`; one machine has none."""
        return []

    def load(self) -> ClusterLoad:
        """See `Scheduler.load`; one machine has no partitions."""
        with self._queue():
            specs = {job_id: self._spool.spec(job_id) for job_id in self._spool.waiting()}
        refs = [
            JobRef(key=s.key, job_id=i, folder=s.script.rpartition("/")[0], array_size=s.array_size)
            for i, s in specs.items()
        ]
        jobs = [
            OwnJob(
                job_id=job_id,
                name=specs[job_id].key,
                state=state,
                indices=tuple(t.index for t in tasks if t.index is not None) or None,
            )
            for job_id, report in self.report(refs).items()
            for state, tasks in _by_state(report).items()
        ]
        return ClusterLoad(jobs=tuple(jobs))

    def max_array_size(self) -> int | None:
        """See `Scheduler.max_array_size`; any size will do."""
        return None

    @contextlib.contextmanager
    def _queue(self) -> Iterator[None]:
        """Hold the queue, and turn its errors into ours."""
        try:
            self._spool.create()
            with self._spool.locked():
                yield
        except (OSError, subprocess.CalledProcessError) as exc:
            raise SchedulerUnavailableError(
                f"the local queue {self._spool.folder} is out of order: {exc}"
            ) from exc

    def _start_runner(self) -> None:
        log = str(self._spool.folder / "runner.log")
        runner = (sys.executable, "-m", "biomero.adapters.local.runner", str(self._spool.folder))
        subprocess.run(
            ["sh", "-c", _DETACH, log, *runner],
            check=True,
            start_new_session=True,
            # Not the caller's folder, where a folder `biomero` could hide ours.
            cwd=self._spool.folder,
        )

    def _end_orphans(self, job: JobRef) -> None:
        for index in _indices(job):
            record = self._spool.task(job.job_id, index)
            if record and record.state is JobState.RUNNING and is_alive(record.pid, record.pid_started):
                signal_group(record.pid, signal.SIGTERM)

    def _report(self, job: JobRef, waiting: list[SlurmJobId], *, runs: bool) -> JobReport:
        cancelled = self._spool.is_cancelled(job.job_id)
        tasks = tuple(self._task(job, index, cancelled=cancelled, runs=runs) for index in _indices(job))
        position = None
        if job.job_id in waiting and all(task.state is JobState.PENDING for task in tasks):
            position = max(waiting.index(job.job_id), 1)
        return JobReport(job_id=job.job_id, tasks=tasks, queue_position=position)

    def _task(self, job: JobRef, index: int | None, *, cancelled: bool, runs: bool) -> TaskReport:
        record = self._spool.task(job.job_id, index)
        if record is None:
            if cancelled:
                return TaskReport(index=index, state=JobState.CANCELLED, exit_code=0, signal=0)
            return TaskReport(index=index, state=JobState.PENDING, reason="Resources")
        if record.state is JobState.RUNNING and not (runs or is_alive(record.pid, record.pid_started)):
            record = orphan_end(job, index, record, cancelled=cancelled)
        return TaskReport(
            index=index,
            state=record.state,
            exit_code=record.exit_code,
            signal=record.signal,
            usage=JobUsage(
                elapsed_s=record.elapsed_s,
                cpu_s=record.cpu_s,
                max_memory_mb=record.max_memory_mb,
                node=os.uname().nodename if record.pid else None,
            ),
        )


def _by_state(report: JobReport) -> dict[JobState, list[TaskReport]]:
    """Return the tasks that have not ended, those that stand alike together."""
    found: dict[JobState, list[TaskReport]] = {}
    for task in report.tasks:
        if not task.state.is_final:
            found.setdefault(task.state, []).append(task)
    return found


def _indices(job: JobRef) -> Sequence[int | None]:
    return (None,) if job.array_size is None else range(job.array_size)


def _check(spec: JobSpec) -> None:
    """Refuse what ``sbatch`` would refuse too."""
    if spec.resources.partition is not None:
        raise SubmissionRejectedError(
            f"no partition {spec.resources.partition!r} here: without a cluster, jobs run on this machine"
        )
    try:
        with Path(spec.script).open("rb") as script:
            begin = script.read(2)
    except OSError as exc:
        raise SubmissionRejectedError(f"cannot read the job script {spec.script}: {exc.strerror}") from exc
    if begin != b"#!":
        raise SubmissionRejectedError(f"{spec.script} is no job script: its first line must begin with #!")
