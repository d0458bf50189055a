"""A scheduler in memory, for tests of what stands on the port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from biomero.application.ports.scheduler import ClusterLoad, KnownJob, OwnJob, Partition, PartitionLoad
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobSpec, JobState, JobUsage, TaskReport
from biomero.errors import ArrayTooLargeError, BiomeroError, SchedulerBusyError, SubmissionRejectedError


def always_well(spec: JobSpec, index: int | None) -> int:  # noqa: ARG001 - the shape of a job's work
    """Do a job's work by doing nothing, successfully."""
    return 0


@dataclass(slots=True, kw_only=True)
class _Job:
    spec: JobSpec
    ref: JobRef
    tasks: dict[int | None, TaskReport] = field(default_factory=dict)


class FakeScheduler:
    """Runs jobs in memory; see `Scheduler`.

    With every `report` a job goes one step on: it waits, it runs, it has ended.

    Parameters
    ----------
    run
        Does a job's work when it ends, for each array task, and returns its exit code.
    partitions
        Those that jobs may ask for; the first is the default one.
    max_array_size
        How many tasks an array may have, as is known beforehand.
    most_tasks
        How many of them it takes at once, as is found out.

    Attributes
    ----------
    submissions
        The jobs that were accepted.
    outage
        If it is set, every method raises it.
    room
        How many tasks find a place now, as others' jobs have all other ones; ``None`` for any number.
    """

    def __init__(
        self,
        run: Callable[[JobSpec, int | None], int] = always_well,
        *,
        partitions: Sequence[str] = ("main",),
        max_array_size: int | None = None,
        most_tasks: int | None = None,
    ) -> None:
        self.submissions: list[JobSpec] = []
        self.outage: BiomeroError | None = None
        self.room: int | None = None
        self._run = run
        self._partitions = tuple(partitions)
        self._max_array_size = max_array_size
        self._most_tasks = most_tasks
        self._jobs: dict[JobKey, _Job] = {}
        self._held: set[JobKey] = set()
        self._unwanted: set[JobKey] = set()

    def submit(self, spec: JobSpec) -> JobRef:
        """See `Scheduler.submit`."""
        self._check_outage()
        if spec.key in self._jobs:
            return self._jobs[spec.key].ref
        if spec.key in self._unwanted:
            raise SubmissionRejectedError(f"the job {spec.key} was cancelled before it was submitted")
        asked = spec.resources.partition
        if asked is not None and asked not in self._partitions:
            raise SubmissionRejectedError(
                f"no partition {asked!r} here; it has: {', '.join(self._partitions)}"
            )
        if self._most_tasks is not None and (spec.array_size or 1) > self._most_tasks:
            raise ArrayTooLargeError(f"not {spec.array_size} tasks at once")
        if self.room is not None and (spec.array_size or 1) > self.room:
            raise SchedulerBusyError(f"no room for {spec.array_size or 1} tasks now")
        job_id = SlurmJobId(sum(job.spec.array_size or 1 for job in self._jobs.values()) + 1)
        folder = spec.script.rpartition("/")[0]
        ref = JobRef(key=spec.key, job_id=job_id, folder=folder, array_size=spec.array_size)
        indices: Sequence[int | None] = [None] if spec.array_size is None else range(spec.array_size)
        tasks = {i: TaskReport(index=i, state=JobState.PENDING, reason="Resources") for i in indices}
        self._jobs[spec.key] = _Job(spec=spec, ref=ref, tasks=tasks)
        self.submissions.append(spec)
        return ref

    def report(self, jobs: Sequence[JobRef]) -> Mapping[SlurmJobId, JobReport]:
        """See `Scheduler.report`; the jobs asked about go one step on."""
        self._check_outage()
        reports = {}
        for ref in jobs:
            job = self._jobs.get(ref.key)
            if job is None or job.ref.job_id != ref.job_id:
                continue
            tasks = tuple(job.tasks.values())
            waits = all(task.state is JobState.PENDING for task in tasks)
            reports[ref.job_id] = JobReport(
                job_id=ref.job_id, tasks=tasks, queue_position=1 if waits else None
            )
            self._advance(job)
        return reports

    def cancel(self, jobs: Sequence[JobRef]) -> None:
        """See `Scheduler.cancel`."""
        self._check_outage()
        for ref in jobs:
            job = self._jobs.get(ref.key)
            if job is None:
                self._unwanted.add(ref.key)
                continue
            for index, task in job.tasks.items():
                if not task.state.is_final:
                    self.end(ref.key, JobState.CANCELLED, index=index, exit_code=0, signal=15)

    def history(
        self,
        *,
        since: datetime | None = None,  # noqa: ARG002 - nothing here is old
        jobs: Sequence[SlurmJobId] | None = None,
    ) -> list[KnownJob]:
        """See `Scheduler.history`."""
        self._check_outage()
        known = (
            KnownJob(
                job_id=job.ref.job_id,
                name=job.spec.key,
                state=JobReport(job_id=job.ref.job_id, tasks=tuple(job.tasks.values())).state
                or JobState.PENDING,
                folder=job.ref.folder,
            )
            for job in self._jobs.values()
        )
        chosen = (job for job in known if jobs is None or job.job_id in jobs)
        return sorted(chosen, key=lambda job: -job.job_id)

    def partitions(self) -> list[Partition]:
        """See `Scheduler.partitions`."""
        self._check_outage()
        return [Partition(name=name, is_default=i == 0) for i, name in enumerate(self._partitions)]

    def load(self) -> ClusterLoad:
        """See `Scheduler.load`; jobs do not go on by it."""
        self._check_outage()
        jobs = [
            OwnJob(job_id=job.ref.job_id, name=job.ref.key, state=state, indices=indices or None)
            for job in self._jobs.values()
            for state in dict.fromkeys(t.state for t in job.tasks.values() if not t.state.is_final)
            if (indices := tuple(i for i, t in job.tasks.items() if i is not None and t.state is state))
            or job.ref.array_size is None
        ]
        names = enumerate(self._partitions)
        partitions = tuple(PartitionLoad(name=n, is_default=i == 0, nodes={"idle": 1}) for i, n in names)
        return ClusterLoad(partitions=partitions, jobs=tuple(jobs))

    def max_array_size(self) -> int | None:
        """See `Scheduler.max_array_size`."""
        self._check_outage()
        return self._max_array_size

    def hold(self, key: JobKey) -> None:
        """Keep a job, also one that is not submitted yet, from ending by itself."""
        self._held.add(key)

    def release(self, key: JobKey) -> None:
        """Let a job end that was held."""
        self._held.discard(key)

    def end(
        self,
        key: JobKey,
        state: JobState,
        *,
        index: int | None = None,
        exit_code: int = 1,
        signal: int = 0,
        reason: str = "",
    ) -> None:
        """Let a job, or one array task, end in a state such as `JobState.OUT_OF_MEMORY`."""
        self._jobs[key].tasks[index] = TaskReport(
            index=index,
            state=state,
            reason=reason,
            exit_code=exit_code,
            signal=signal,
            usage=JobUsage(elapsed_s=0, node="fake"),
        )

    def forget(self, key: JobKey) -> None:
        """Lose a job, as a controller that crashed does."""
        del self._jobs[key]

    def _advance(self, job: _Job) -> None:
        for index, task in list(job.tasks.items()):
            if task.state is JobState.PENDING:
                job.tasks[index] = TaskReport(index=index, state=JobState.RUNNING)
            elif task.state is JobState.RUNNING and job.spec.key not in self._held:
                code = self._run(job.spec, index)
                state = JobState.FAILED if code else JobState.COMPLETED
                self.end(job.spec.key, state, index=index, exit_code=code)

    def _check_outage(self) -> None:
        if self.outage is not None:
            raise self.outage
