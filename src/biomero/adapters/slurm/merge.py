"""What several witnesses say of a job, put together: controller, accounting, and the job's own exit file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from biomero.adapters.slurm.endings import Endings
from biomero.adapters.slurm.sacct import AccountRow
from biomero.adapters.slurm.squeue import Queue, QueueRow
from biomero.domain.exit_record import ExitRecord
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobState, TaskReport

Indices = Sequence[int | None]
_TERM = 15
_BY_TERM = {128 + _TERM, _TERM}  # Slurm writes 143 as 15
Row = TypeVar("Row", QueueRow, AccountRow)


def unsettled(jobs: Sequence[JobRef], queue: Queue) -> tuple[list[JobRef], list[str]]:
    """Return the jobs that the controller does not know, wholly or in part, or of which something has ended.

    Returns
    -------
    jobs, awaited
        `awaited` are the ids, as accounting writes them, of jobs that have ended wholly by the controller's
        word; while tasks of an array still run, nobody needs to wait for the account of the others.
    """
    found: list[JobRef] = []
    awaited: list[str] = []
    rows = _by_job(queue.rows)
    for job in jobs:
        live = _tasks(job, rows)
        indices = _indices(job)
        ended = [i for i in indices if i in live and live[i].state.is_final]
        if ended or any(i not in live for i in indices):
            found.append(job)
        if len(ended) == len(live.keys() & set(indices)):
            awaited += [str(job.job_id) if i is None else f"{job.job_id}_{i}" for i in ended]
    return found, awaited


def merge(jobs: Sequence[JobRef], queue: Queue, record: Endings) -> Mapping[SlurmJobId, JobReport]:
    """Return the report of each job that somebody knows.

    The controller alone is believed about jobs that have not ended: a row of accounting that says ``RUNNING``
    while the controller does not know the job is a leftover. About an end, accounting is asked first, as it
    knows what was used, then the controller, then the job's own exit file. What we asked Slurm to end, and
    nobody knows any more, was cancelled. What nobody in Slurm knows and gives signs of
    life runs, with a reason that says so, also when we asked for its end: a controller that lost its memory
    knows nothing of jobs that go on.
    """
    reports: dict[SlurmJobId, JobReport] = {}
    queue_rows = _by_job(queue.rows)
    account_rows = _by_job(record.account or ())
    exits_by_key: dict[JobKey, dict[int | None, ExitRecord]] = {}
    for ended in record.exits:
        exits_by_key.setdefault(ended.key, {})[ended.index] = ended
    for job in jobs:
        live = _tasks(job, queue_rows)
        accounts = _tasks(job, account_rows)
        exits = exits_by_key.get(job.key, {})
        tasks: list[TaskReport] = []
        missing: list[int] = []
        for index in _indices(job):
            task = _task(index, live.get(index), accounts.get(index), exits.get(index))
            if task is None and index is not None:
                task = _task(index, live.get(None), accounts.get(None), None)
            if task is None and (job.key, index) in record.alive:
                task = TaskReport(index=index, state=JobState.RUNNING, reason=_forgotten(job))
            elif job.key in record.cancelled and (index not in live or live[index].state.is_final):
                task = _cancelled(index, task)
            if task is not None:
                tasks.append(task)
            elif index is not None:
                missing.append(index)
        if tasks:
            reports[job.job_id] = JobReport(
                job_id=job.job_id,
                tasks=tuple(tasks),
                queue_position=queue.positions.get(job.job_id) if live else None,
                missing_tasks=tuple(missing),
            )
    return reports


def _indices(job: JobRef) -> Indices:
    return (None,) if job.array_size is None else range(job.array_size)


def _by_job(rows: Sequence[Row]) -> dict[SlurmJobId, list[Row]]:
    found: dict[SlurmJobId, list[Row]] = {}
    for row in rows:
        found.setdefault(row.job_id, []).append(row)
    return found


def _tasks(job: JobRef, rows: Mapping[SlurmJobId, Sequence[Row]]) -> dict[int | None, Row]:
    """Return the last row of each task; rows of another name are not ours, whatever their id.

    A row without an index may also be in an array: of all the tasks that had not begun when it was cancelled.
    """
    return {
        index: row
        for row in rows.get(job.job_id, ())
        if row.name == job.key
        for index in (row.indices or (None,))
    }


def _task(
    index: int | None, live: QueueRow | None, account: AccountRow | None, ended: ExitRecord | None
) -> TaskReport | None:
    if live is not None and not live.state.is_final:
        return TaskReport(index=index, state=live.state, reason=live.reason)
    reason = live.reason if live else ""
    if account is not None and account.state.is_final:
        by = f"by user {account.cancelled_by}" if account.cancelled_by else ""
        return TaskReport(
            index=index,
            state=account.state,
            reason=reason or by,
            exit_code=account.exit_code,
            signal=account.signal,
            usage=account.usage,
        )
    if ended is not None:
        return TaskReport(
            index=index,
            state=live.state if live else ended.state,
            reason=reason,
            exit_code=ended.exit_code,
            signal=ended.signal,
            usage=ended.usage,
        )
    return TaskReport(index=index, state=live.state, reason=reason) if live else None


def _forgotten(job: JobRef) -> str:
    """Return what to say of a task that nobody in Slurm knows, and that gives signs of life."""
    return f"Slurm does not know job {job.job_id} any more, but it has begun and says itself that it goes on"


def _cancelled(index: int | None, task: TaskReport | None) -> TaskReport | None:
    """Return what became of a task that we asked Slurm to end, and that has ended."""
    if task is None:
        return TaskReport(index=index, state=JobState.CANCELLED)
    if task.state is JobState.FAILED and (task.signal == _TERM or task.exit_code in _BY_TERM):
        return replace(task, state=JobState.CANCELLED)
    return task
