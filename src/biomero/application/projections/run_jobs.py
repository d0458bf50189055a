"""Every job, array tasks one by one: ``biomero_job``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Row, Rows, Table
from biomero.application.projections.projection import moment
from biomero.application.projections.runs import HERE
from biomero.application.projections.slurm_jobs import slurm_job_id
from biomero.domain.job import JobState
from biomero.domain.resources import gpu_count
from biomero.domain.run_events import Json
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun

SINGLE = -1
"""The index of a job that is no array."""

_USED = {
    "wall_s": "elapsed_s",
    "cpu_s": "cpu_s",
    "max_memory_mb": "max_memory_mb",
    "waited_s": "waited_s",
    "allocated_cpus": "allocated_cpus",
    "allocated_memory_mb": "allocated_memory_mb",
    "energy_j": "energy_j",
}
"""Columns that only a report fills, and what that calls them."""

_WAITING = frozenset(
    {
        JobState.CONFIGURING,
        JobState.PENDING,
        JobState.POWER_UP_NODE,
        JobState.REQUEUED,
        JobState.REQUEUE_FED,
        JobState.REQUEUE_HOLD,
        JobState.RESV_DEL_HOLD,
        JobState.SPECIAL_EXIT,
    }
)


class RunJobsProjection:
    """Keeps a row for every job; for an array, one for each of its tasks."""

    name: ClassVar[str] = "RunJobs"
    tables: ClassVar[tuple[Table, ...]] = (Table.RUN_JOBS, Table.TASK_JOB_KEYS)
    topics: ClassVar[tuple[type[DomainEvent], ...]] = (
        WorkflowRun.JobRequested,
        WorkflowRun.JobSubmitted,
        WorkflowRun.JobReported,
        Task.JobIdAdded,
        Task.JobEnded,
        Task.StatusUpdated,
    )

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401, ARG002 - one of `topics`
        """See `Projection.project`."""
        match event:
            case WorkflowRun.JobRequested():
                run = rows.get(Table.KNOWN_RUNS, event.originator_id)
                asked = _new(event.originator_id, event.key, event.step, event.resources)
                asked["cluster"] = (run and run["cluster"]) or HERE
                rows.put(Table.RUN_JOBS, _key(asked), asked)
            case WorkflowRun.JobSubmitted():
                _submit(event, rows)
            case WorkflowRun.JobReported():
                _report(event, rows)
            case Task.JobIdAdded():
                _submit_for_script(event, rows)
            case Task.JobEnded():
                _end_for_script(event, rows)
            case Task.StatusUpdated():
                last = rows.get(Table.TASK_JOB_KEYS, event.originator_id)
                if last is not None and event.status in JobState.__members__:
                    key = (last["run_id"], last["key"], SINGLE)
                    row = rows.get(Table.RUN_JOBS, key)
                    if row is not None:
                        rows.put(Table.RUN_JOBS, key, _in_state(row, JobState[event.status], moment(event)))


def _key(row: Row) -> tuple[UUID, str, int]:
    return row["run_id"], row["key"], row["task_index"]


def _new(run_id: UUID, key: str, step: str, asked: Json) -> Row:
    return {
        "run_id": run_id,
        "key": key,
        "task_index": SINGLE,
        "step": step,
        "cluster": None,
        "job_id": None,
        "state": None,
        "reason": None,
        "exit_code": None,
        "signal": None,
        "node": None,
        "partition": asked.get("partition"),
        "wall_s": None,
        "cpu_s": None,
        "max_memory_mb": None,
        "gpus": gpu_count(gpus=asked.get("gpus"), gres=asked.get("gres")),
        "waited_s": None,
        "allocated_cpus": None,
        "allocated_memory_mb": None,
        "energy_j": None,
        "requested_cpus": asked.get("cpus"),
        "requested_memory_mb": asked.get("memory_mb"),
        "requested_time_min": asked.get("time_limit_min"),
        "submitted_at": None,
        "started_at": None,
        "ended_at": None,
    }


def _submit(event: WorkflowRun.JobSubmitted, rows: Rows) -> None:
    base = _base(rows, event.originator_id, event.key)
    if base is None:
        return
    size = event.job.get("array_size")
    base = {
        **_blank(base),
        "job_id": int(event.job["job_id"]),
        "submitted_at": base["submitted_at"] or moment(event),
    }
    if size is not None:
        rows.remove(Table.RUN_JOBS, (event.originator_id, event.key, SINGLE))
    for index in (SINGLE,) if size is None else range(size):
        row = {**base, "task_index": index}
        rows.put(Table.RUN_JOBS, _key(row), row)


def _base(rows: Rows, run_id: UUID, key: str) -> Row | None:
    """Return any row of a job: what was asked for is the same in all of them."""
    return rows.get(Table.RUN_JOBS, (run_id, key, SINGLE)) or rows.get(Table.RUN_JOBS, (run_id, key, 0))


def _blank(row: Row) -> Row:
    """Return a row of which nothing was reported yet."""
    reported = ("state", "reason", "exit_code", "signal", "node", *_USED, "started_at", "ended_at")
    return {**row, **dict.fromkeys(reported)}


def _report(event: WorkflowRun.JobReported, rows: Rows) -> None:
    _report_tasks(event.originator_id, event.key, event.tasks, rows, moment(event))


def _report_tasks(run_id: UUID, job_key: str, tasks: list[Json], rows: Rows, now: datetime) -> None:
    base = None
    for task in tasks:
        index = task.get("index")
        key = (run_id, job_key, SINGLE if index is None else int(index))
        row = rows.get(Table.RUN_JOBS, key)
        if row is None:
            base = base or _base(rows, run_id, job_key)
            if base is None:
                return
            row = {**_blank(base), "task_index": key[2]}
        changed = _reported(row, task, now)
        if changed != row:
            rows.put(Table.RUN_JOBS, key, changed)


def _reported(row: Row, task: Json, now: datetime) -> Row:
    """Return a row with what is said of it now."""
    usage = task.get("usage") or {}
    gpus = usage.get("gpus")
    used = {name: usage.get(said) for name, said in _USED.items()}
    said = {
        **row,
        **used,
        "reason": task.get("reason") or None,
        "exit_code": task.get("exit_code"),
        "signal": task.get("signal"),
        "node": usage.get("node") or row["node"],
        # where nobody counts them, what was asked for is the best that is known
        "partition": usage.get("partition") or row["partition"],
        "gpus": row["gpus"] if gpus is None else gpus,
    }
    started = usage.get("started_at")
    if started is not None:
        began = datetime.fromtimestamp(started, UTC).replace(tzinfo=None)
        # two clocks: nothing begins before it was submitted
        said["started_at"] = max(began, row["submitted_at"] or began)
    return _in_state(said, JobState[task["state"]], now)


def _in_state(row: Row, state: JobState, now: datetime) -> Row:
    """Return a row of a job that is in a state now."""
    changed = {**row, "state": state.text}
    if not state.is_final:
        changed["ended_at"] = None
        if state not in _WAITING:
            changed["started_at"] = row["started_at"] or now
        return changed
    changed["ended_at"] = row["ended_at"] or now
    if row["started_at"] is None and row["wall_s"] is not None:
        # nobody looked while it ran
        started = changed["ended_at"] - timedelta(seconds=row["wall_s"])
        changed["started_at"] = max(started, row["submitted_at"] or started)
    return changed


def _submit_for_script(event: Task.JobIdAdded, rows: Rows) -> None:
    job_id = slurm_job_id(event.job_id)
    task = rows.get(Table.KNOWN_TASKS, event.originator_id)
    if job_id is None or task is None:
        return
    key = _script_key(event.originator_id, job_id)
    row = _new(task["workflow_id"], key, task["task_name"], {})
    rows.put(Table.RUN_JOBS, _key(row), {**row, "job_id": job_id, "submitted_at": moment(event)})
    last = {"task_id": event.originator_id, "run_id": task["workflow_id"], "key": key}
    rows.put(Table.TASK_JOB_KEYS, event.originator_id, last)


def _end_for_script(event: Task.JobEnded, rows: Rows) -> None:
    task = rows.get(Table.KNOWN_TASKS, event.originator_id)
    if task is None:
        return
    run_id, key = task["workflow_id"], _script_key(event.originator_id, event.job_id)
    _report_tasks(run_id, key, event.tasks, rows, moment(event))
    if all(one.get("index") is not None for one in event.tasks):
        rows.remove(Table.RUN_JOBS, (run_id, key, SINGLE))  # its array tasks stand for it


def _script_key(task_id: UUID, job_id: int) -> str:
    """Return the key of a job that a script submitted."""
    return f"task-{task_id}-{job_id}"
