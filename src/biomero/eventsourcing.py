"""Documented names of the record: the tracker, and what it holds."""

from __future__ import annotations

from typing import TypedDict

from biomero.application.no_tracking import NoOpWorkflowTracker
from biomero.application.tracking import WorkflowTracker
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun

__all__ = ["NoOpWorkflowTracker", "ResultDict", "Task", "WorkflowRun", "WorkflowTracker"]


class ResultDict(TypedDict):
    """What a task keeps of a command that was run for it; see `WorkflowTracker.add_result`."""

    command: str | None
    env: dict[str, str] | None
    stdout: str | None
    stderr: str | None
