"""What became of runs and of their images: ``biomero_run`` and ``biomero_run_image``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Row, Rows, Table
from biomero.application.projections.projection import moment, update
from biomero.application.projections.task_phases import name_rank
from biomero.application.record_json import safe_text
from biomero.application.run_request import path_from_json
from biomero.domain.run_events import Json
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun

HERE = "local"
"""The cluster of runs on this machine."""


class RunsProjection:
    """Keeps a row for every run, and one for each of its images."""

    name: ClassVar[str] = "Runs"
    tables: ClassVar[tuple[Table, ...]] = (Table.RUNS, Table.RUN_IMAGES)
    topics: ClassVar[tuple[type[DomainEvent], ...]] = (
        WorkflowRun.WorkflowInitiated,
        WorkflowRun.RunRequested,
        WorkflowRun.WorkflowStarted,
        WorkflowRun.StatusChanged,
        WorkflowRun.ProgramPrepared,
        WorkflowRun.ImageHashed,
        WorkflowRun.ImagesAdvanced,
        WorkflowRun.ImagesFailed,
        WorkflowRun.RunPaused,
        WorkflowRun.RunHeld,
        WorkflowRun.RetryRequested,
        WorkflowRun.RunResumed,
        WorkflowRun.FailureClassified,
        WorkflowRun.WorkflowCompleted,
        WorkflowRun.WorkflowFailed,
        WorkflowRun.RunCancelled,
        Task.TaskCreated,
    )

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401, ARG002 - one of `topics`
        """See `Projection.project`."""
        match event:
            case WorkflowRun.WorkflowInitiated():
                rows.put(Table.RUNS, event.originator_id, _new(event))
            case WorkflowRun.RunRequested():
                _request(event.originator_id, event.request, rows)
            case WorkflowRun.ImageHashed():
                key = (event.originator_id, event.index)
                update(rows, Table.RUN_IMAGES, key, sha256=event.sha256)
            case WorkflowRun.ImagesAdvanced():
                _advance_images(event, rows)
            case WorkflowRun.ImagesFailed():
                _fail_images(event, rows)
            case Task.TaskCreated():
                _name_workflow(event, rows)
            case WorkflowRun.RetryRequested():
                _reopen(event, rows)
            case _:
                row = rows.get(Table.RUNS, event.originator_id)
                if row is not None:
                    rows.put(Table.RUNS, event.originator_id, {**row, **_changes(event, row)})


def _new(event: WorkflowRun.WorkflowInitiated) -> Row:
    return {
        "run_id": event.originator_id,
        "name": event.name,
        "workflow": None,
        "workflow_version": None,
        "user_id": event.user,
        "group_id": event.group,
        "requested_by": None,
        "cluster": None,
        "status": RunStatus.SUBMITTED.value,
        "step": RunStatus.SUBMITTED.value,
        "requested_at": moment(event),
        "started_at": None,
        "ended_at": None,
        "images_total": None,
        "images_done": 0,
        "images_failed": 0,
        "failure_class": None,
        "failure_message": None,
        "container_digest": None,
    }


def _request(run_id: UUID, request: Json, rows: Rows) -> None:
    images = request.get("images") or []
    update(
        rows,
        Table.RUNS,
        run_id,
        workflow=request.get("workflow_name") or request.get("workflow"),
        workflow_version=request.get("workflow_version"),
        requested_by=request.get("requested_by") or None,
        cluster=request.get("cluster") or HERE,
        images_total=len(images),
    )
    for image in images:
        index = int(image["index"])
        rows.put(
            Table.RUN_IMAGES,
            (run_id, index),
            {
                "run_id": run_id,
                "image_index": index,
                "name": image.get("name"),
                "source": _source(image),
                "sha256": None,
                "stage": None,
                "failure_class": None,
                "failure_message": None,
            },
        )


def _source(image: Json) -> str | None:
    path = image.get("path")
    return None if path is None else safe_text(str(path_from_json(path)))


def _advance_images(event: WorkflowRun.ImagesAdvanced, rows: Rows) -> None:
    done = 0
    delivered = ImageStage.DELIVERED.value
    for index in event.indices:
        row = rows.get(Table.RUN_IMAGES, (event.originator_id, index))
        if row is not None:
            done += (event.stage == delivered) - (row["stage"] == delivered)
            rows.put(Table.RUN_IMAGES, (event.originator_id, index), {**row, "stage": event.stage})
    _count(rows, event.originator_id, images_done=done)


def _fail_images(event: WorkflowRun.ImagesFailed, rows: Rows) -> None:
    failed = 0
    for text, failure in event.failures.items():
        key = (event.originator_id, int(text))
        row = rows.get(Table.RUN_IMAGES, key)
        if row is not None:
            failed += row["failure_class"] is None
            rows.put(Table.RUN_IMAGES, key, {**row, **_failure(failure)})
    _count(rows, event.originator_id, images_failed=failed)


def _reopen(event: WorkflowRun.RetryRequested, rows: Rows) -> None:
    """Take back what was said of the images that are tried again, and of the run's end."""
    failed = done = 0
    for index in event.images:
        row = rows.get(Table.RUN_IMAGES, (event.originator_id, index))
        if row is not None:
            failed -= row["failure_class"] is not None
            changed: Row = {**row, "failure_class": None, "failure_message": None}
            if event.is_new_round:
                done -= row["stage"] == ImageStage.DELIVERED.value
                changed["stage"] = None
            rows.put(Table.RUN_IMAGES, (event.originator_id, index), changed)
    _count(rows, event.originator_id, images_failed=failed, images_done=done)
    open_again: Row = {"ended_at": None, "failure_class": None, "failure_message": None}
    update(rows, Table.RUNS, event.originator_id, status=event.status, step=event.status, **open_again)


def _count(rows: Rows, run_id: UUID, **more: int) -> None:
    row = rows.get(Table.RUNS, run_id)
    if row is not None and any(more.values()):
        rows.put(Table.RUNS, run_id, {**row, **{name: row[name] + n for name, n in more.items()}})


def _failure(failure: Mapping[str, Any]) -> Row:
    return {
        "failure_class": failure.get("failure_class") or "unknown",
        "failure_message": failure.get("message"),
    }


def _changes(event: Any, row: Row) -> Row:  # noqa: ANN401, PLR0911 - a table of cases
    """Return what an event of a run changes in its row."""
    now = moment(event)
    match event:
        case WorkflowRun.WorkflowStarted():
            running = RunStatus.RUNNING.value
            return {"status": running, "step": running, "started_at": row["started_at"] or now}
        case WorkflowRun.StatusChanged():
            return {"status": event.status, "step": event.status, "started_at": row["started_at"] or now}
        case WorkflowRun.ProgramPrepared():
            return {"container_digest": event.identity}
        case WorkflowRun.RunHeld():
            return {"status": RunStatus.PAUSED.value}
        case WorkflowRun.RunPaused():
            return {"status": RunStatus.PAUSED.value, **_failure(event.failure)}
        case WorkflowRun.RunResumed():
            return {"status": row["step"], "failure_class": None, "failure_message": None}
        case WorkflowRun.FailureClassified():
            return _failure(event.failure)
        case WorkflowRun.WorkflowCompleted():
            return {"status": RunStatus.DONE.value, "ended_at": now}
        case WorkflowRun.WorkflowFailed():
            return {
                "status": RunStatus.FAILED.value,
                "ended_at": now,
                "failure_message": event.error_message,
            }
        case _:
            return {"status": RunStatus.CANCELLED.value, "ended_at": now}


def _name_workflow(event: Task.TaskCreated, rows: Rows) -> None:
    """Say what a run is about that a script drives: its most telling task."""
    row = rows.get(Table.RUNS, event.workflow_id)
    is_driven_by_script = row is not None and row["images_total"] is None
    if row is not None and is_driven_by_script and name_rank(event.task_name) > name_rank(row["workflow"]):
        changed = {"workflow": event.task_name, "workflow_version": event.task_version}
        rows.put(Table.RUNS, event.workflow_id, {**row, **changed})
