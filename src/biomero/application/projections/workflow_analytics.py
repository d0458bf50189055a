"""How long did tasks take, and how did they end: ``biomero_task_execution``."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Rows, Table
from biomero.application.projections.projection import job_task_id, moment, update
from biomero.application.projections.slurm_jobs import job_state
from biomero.domain.task import COMPLETED, FAILED, RUNNING, Task
from biomero.domain.workflow_run import WorkflowRun

CREATED = "CREATED"
_CONVERSION = "convert_zarr_to_tiff"
"""What people who read the view call a job that converts."""


class WorkflowAnalyticsProjection:
    """Keeps the beginning, the end and the outcome of every task; a job of our engine is one."""

    name: ClassVar[str] = "WorkflowAnalytics"
    tables: ClassVar[tuple[Table, ...]] = (Table.TASK_EXECUTION,)
    topics: ClassVar[tuple[type[DomainEvent], ...]] = (
        Task.TaskCreated,
        Task.TaskStarted,
        Task.StatusUpdated,
        Task.TaskCompleted,
        Task.TaskFailed,
        WorkflowRun.JobSubmitted,
        WorkflowRun.JobReported,
    )

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401, ARG002 - one of `topics`
        """See `Projection.project`."""
        match event:
            case Task.TaskCreated():
                _put(
                    rows,
                    event.originator_id,
                    event,
                    run_id=event.workflow_id,
                    name=event.task_name,
                    version=event.task_version,
                )
            case Task.TaskStarted():
                _advance(rows, event.originator_id, RUNNING)
            case Task.StatusUpdated():
                _advance(rows, event.originator_id, event.status)
            case Task.TaskCompleted():
                update(
                    rows,
                    Table.TASK_EXECUTION,
                    event.originator_id,
                    status=COMPLETED,
                    end_time=moment(event),
                    error_type=None,
                )
            case Task.TaskFailed():
                update(
                    rows,
                    Table.TASK_EXECUTION,
                    event.originator_id,
                    status=FAILED,
                    end_time=moment(event),
                    error_type=event.error_message,
                )
            case WorkflowRun.JobSubmitted():
                _submit(rows, event)
            case WorkflowRun.JobReported():
                _report(rows, event)


def _put(
    rows: Rows, task_id: UUID, event: DomainEvent, *, run_id: UUID, name: str, version: str | None
) -> None:
    run = rows.get(Table.KNOWN_RUNS, run_id) or {"user": None, "group": None}
    rows.put(
        Table.TASK_EXECUTION,
        task_id,
        {
            "task_id": task_id,
            "task_name": name,
            "task_version": version,
            "user_id": run["user"],
            "group_id": run["group"],
            "status": CREATED,
            "start_time": moment(event),
            "end_time": None,
            "error_type": None,
        },
    )


def _advance(rows: Rows, task_id: UUID, status: str) -> None:
    row = rows.get(Table.TASK_EXECUTION, task_id)
    if row is not None and row["end_time"] is None:
        rows.put(Table.TASK_EXECUTION, task_id, {**row, "status": status})


def _submit(rows: Rows, event: WorkflowRun.JobSubmitted) -> None:
    run = rows.get(Table.KNOWN_RUNS, event.originator_id)
    job = rows.get(Table.KNOWN_JOBS, event.key)
    if run is not None and job is not None:
        _put(
            rows,
            job_task_id(event.originator_id, event.key),
            event,
            run_id=event.originator_id,
            name=_CONVERSION if job["step"] == "conversion" else run["name"],
            version=run["workflow_version"],
        )


def _report(rows: Rows, event: WorkflowRun.JobReported) -> None:
    state = job_state(event.tasks)
    if state is None:
        return
    task_id = job_task_id(event.originator_id, event.key)
    if not state.is_final:
        _advance(rows, task_id, state.text)
        return
    update(
        rows,
        Table.TASK_EXECUTION,
        task_id,
        status=COMPLETED if state.is_success else FAILED,
        end_time=moment(event),
        error_type=None if state.is_success else state.text,
    )
