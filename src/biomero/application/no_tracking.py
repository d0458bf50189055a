"""What scripts get where nothing is tracked: every call is there and does nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification

from biomero.application.ports.views import TaskExecutionRow
from biomero.domain.job import TaskReport

Id = UUID | str | None


class NoOpWorkflowTracker:
    """Stands in for `WorkflowTracker` where tracking is off; every call returns ``None``."""

    name = "WorkflowTracker"

    def __init__(self) -> None:
        self.repository = NoOpRepository()
        self.notification_log = NoOpNotificationLog()

    def initiate_workflow(self, name: str, description: str, user: int | None, group: int | None) -> None:
        """See `WorkflowTracker.initiate_workflow`."""

    def add_task_to_workflow(
        self,
        workflow_id: Id,
        task_name: str,
        task_version: str,
        input_data: Any,  # noqa: ANN401 - as there
        kwargs: Any,  # noqa: ANN401 - as there
    ) -> None:
        """See `WorkflowTracker.add_task_to_workflow`."""

    def start_workflow(self, workflow_id: Id) -> None:
        """See `WorkflowTracker.start_workflow`."""

    def complete_workflow(self, workflow_id: Id) -> None:
        """See `WorkflowTracker.complete_workflow`."""

    def fail_workflow(self, workflow_id: Id, error_message: str) -> None:
        """See `WorkflowTracker.fail_workflow`."""

    def start_task(self, task_id: Id) -> None:
        """See `WorkflowTracker.start_task`."""

    def complete_task(self, task_id: Id, message: str) -> None:
        """See `WorkflowTracker.complete_task`."""

    def fail_task(self, task_id: Id, error_message: str) -> None:
        """See `WorkflowTracker.fail_task`."""

    def add_job_id(self, task_id: Id, slurm_job_id: int | str) -> None:
        """See `WorkflowTracker.add_job_id`."""

    def end_job(self, task_id: Id, slurm_job_id: int, tasks: Sequence[TaskReport]) -> None:
        """See `WorkflowTracker.end_job`."""

    def add_result(self, task_id: Id, result: Any) -> None:  # noqa: ANN401 - as there
        """See `WorkflowTracker.add_result`."""

    def update_task_status(self, task_id: Id, status: str) -> None:
        """See `WorkflowTracker.update_task_status`."""

    def update_task_progress(self, task_id: Id, progress: str | None) -> None:
        """See `WorkflowTracker.update_task_progress`."""

    def pull_and_process(
        self, leader_name: str = name, start: int | None = None, stop: int | None = None
    ) -> None:
        """See `WorkflowTracker.pull_and_process`."""

    def close(self) -> None:
        """Nothing is open."""


class NoOpRepository:
    """Holds nothing."""

    def get(self, aggregate_id: Id, *, version: int | None = None) -> None:
        """Find nothing."""


class NoViews:
    """Stands in for views where there are none; see `ViewQuestions`."""

    def positions(self) -> Mapping[str, int]:
        """See `ViewQuestions.positions`."""
        return {}

    def jobs_by_user(self, user: int | None, group: int | None) -> dict[int, list[int]]:
        """See `ViewQuestions.jobs_by_user`."""
        del user, group
        return {}

    def task_of_job(self, slurm_job_id: int) -> UUID | None:
        """See `ViewQuestions.task_of_job`."""

    def task_executions(self, user: int | None, group: int | None) -> Sequence[TaskExecutionRow]:
        """See `ViewQuestions.task_executions`."""
        del user, group
        return ()


class NoOpNotificationLog:
    """Says nothing."""

    section_size = 10

    def select(self, start: int | None, limit: int, stop: int | None = None) -> list[Notification]:
        """Return no notifications."""
        del start, limit, stop
        return []
