"""Where is a run: ``biomero_workflow_progress_view``."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Row, Rows, Table
from biomero.application.projections.projection import moment, update
from biomero.application.projections.task_phases import name_rank, phase_of
from biomero.domain.run_status import RunStatus
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun

DONE, FAILED, CANCELLED, PAUSED = "DONE", "FAILED", "CANCELLED", "PAUSED"
_FINAL = frozenset({DONE, FAILED, CANCELLED})
_WORDS = {
    RunStatus.SUBMITTED: ("INITIALIZING", "0%"),
    RunStatus.EXPORTING: ("TRANSFERRING", "5%"),
    RunStatus.STAGING: ("TRANSFERRING", "5%"),
    RunStatus.CONVERTING: ("CONVERTING", "25%"),
    RunStatus.QUEUED: ("JOB_PENDING", "50%"),
    RunStatus.RUNNING: ("JOB_RUNNING", "50%"),
    RunStatus.FETCHING: ("RETRIEVING", "90%"),
    RunStatus.IMPORTING: ("IMPORTING", "95%"),
}
"""Our statuses in the documented words, with the documented progress."""

_RESUMED = {progress: status for status, progress in _WORDS.values()}
"""Where a run goes on that was paused: its progress tells."""

Step = Task.TaskCreated | Task.TaskStarted | Task.StatusUpdated | Task.ProgressUpdated


class WorkflowProgressProjection:
    """Keeps the status of every run in the words that dashboards know."""

    name: ClassVar[str] = "WorkflowProgress"
    tables: ClassVar[tuple[Table, ...]] = (Table.WORKFLOW_PROGRESS,)
    topics: ClassVar[tuple[type[DomainEvent], ...]] = (
        WorkflowRun.WorkflowInitiated,
        WorkflowRun.WorkflowStarted,
        WorkflowRun.RunRequested,
        WorkflowRun.StatusChanged,
        WorkflowRun.RunPaused,
        WorkflowRun.RunHeld,
        WorkflowRun.RetryRequested,
        WorkflowRun.RunResumed,
        WorkflowRun.RunCancelled,
        WorkflowRun.WorkflowCompleted,
        WorkflowRun.WorkflowFailed,
        Task.TaskCreated,
        Task.TaskStarted,
        Task.StatusUpdated,
        Task.ProgressUpdated,
    )

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401, ARG002 - one of `topics`
        """See `Projection.project`."""
        match event:
            case Task.TaskCreated() | Task.TaskStarted() | Task.StatusUpdated() | Task.ProgressUpdated():
                _project_task(event, rows)
            case WorkflowRun.WorkflowInitiated():
                rows.put(Table.WORKFLOW_PROGRESS, event.originator_id, _new(event))
            case WorkflowRun.RunResumed():
                row = rows.get(Table.WORKFLOW_PROGRESS, event.originator_id)
                if row is not None:
                    status = _RESUMED.get(row["progress"], row["status"])
                    rows.put(Table.WORKFLOW_PROGRESS, event.originator_id, {**row, "status": status})
            case _:
                update(rows, Table.WORKFLOW_PROGRESS, event.originator_id, **_columns(event))


def _new(event: WorkflowRun.WorkflowInitiated) -> Row:
    status, progress = _WORDS[RunStatus.SUBMITTED]
    return {
        "workflow_id": event.originator_id,
        "status": status,
        "progress": progress,
        "user": event.user,
        "group": event.group,
        "name": event.name,
        "task": None,
        "main_task_name": None,
        "start_time": moment(event),
    }


_CHANGES: dict[type[DomainEvent], Row] = {
    WorkflowRun.WorkflowStarted: {"status": "RUNNING"},
    WorkflowRun.WorkflowCompleted: {"status": DONE, "progress": "100%"},
    # the progress stays and tells how far it came
    WorkflowRun.WorkflowFailed: {"status": FAILED},
    WorkflowRun.RunCancelled: {"status": CANCELLED},
    WorkflowRun.RunPaused: {"status": PAUSED},
    WorkflowRun.RunHeld: {"status": PAUSED},
}


def _columns(event: Any) -> Row:  # noqa: ANN401 - an event of a run
    """Return what an event of a run changes."""
    match event:
        case WorkflowRun.RunRequested():
            return {"main_task_name": event.request.get("workflow_name")}
        case WorkflowRun.StatusChanged() | WorkflowRun.RetryRequested():
            status, progress = _WORDS[RunStatus(event.status)]
            return {"status": status, "progress": progress}
        case _:
            return _CHANGES[type(event)]


def _project_task(event: Step, rows: Rows) -> None:
    task = rows.get(Table.KNOWN_TASKS, event.originator_id)
    row = None if task is None else rows.get(Table.WORKFLOW_PROGRESS, task["workflow_id"])
    if task is None or row is None:
        return
    run_id: UUID = task["workflow_id"]
    name: str = task["task_name"]
    if isinstance(event, Task.TaskCreated):
        if name_rank(name) > name_rank(row["main_task_name"]):
            rows.put(Table.WORKFLOW_PROGRESS, run_id, {**row, "main_task_name": name})
        return
    if row["status"] in _FINAL:
        return  # scripts close their tasks after the run
    match event:
        case Task.TaskStarted():
            changed = phase_of(name)
        case Task.StatusUpdated():
            changed = phase_of(name, status=event.status, before=row)
        case Task.ProgressUpdated():
            changed = phase_of(name, progress=event.progress, before=row)
    if changed is not None:
        status, progress = changed
        new = {**row, "task": name, "status": status, "progress": progress}
        rows.put(Table.WORKFLOW_PROGRESS, run_id, new)
