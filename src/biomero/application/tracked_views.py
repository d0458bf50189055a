"""The documented questions to views, each view an object of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

from biomero.application.ports.views import TaskExecutionRow, ViewQuestions

_LEADER = "WorkflowTracker"

TaskVersion = tuple[str, str | None]
"""A task's name and version."""


class ViewRecorder:
    """Says how far a view has come."""

    def __init__(self, view: str, views: ViewQuestions) -> None:
        self._view = view
        self._views = views

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the position of the last event that the view has seen; ``None`` where there is none."""
        return self._views.positions().get(self._view) if application_name == _LEADER else None


class FollowedView:
    """A view that follows the tracker.

    Parameters
    ----------
    views
        Where the tables are asked.
    follow
        Brings every view up to date.
    """

    name = ""

    def __init__(self, views: ViewQuestions, follow: Callable[[], object]) -> None:
        self._views = views
        self._follow = follow
        self.recorder = ViewRecorder(self.name, views)

    def pull_and_process(
        self,
        leader_name: str = _LEADER,  # noqa: ARG002 - there is one leader
        start: int | None = None,  # noqa: ARG002 - a view knows its own position
        stop: int | None = None,  # noqa: ARG002
    ) -> None:
        """Bring the view up to date; events that it has seen are not processed again."""
        self._follow()


class JobAccounting(FollowedView):
    """Whose job is it."""

    name = "JobAccounting"

    def get_jobs(self, user: int | None = None, group: int | None = None) -> dict[int, list[int]]:
        """Return the ids of jobs, by the id of their OMERO user."""
        return self._views.jobs_by_user(user, group)

    def get_task_id(self, job_id: int | str) -> UUID | None:
        """Return the task that a job works on; ``None`` for a job that nobody recorded."""
        return self._views.task_of_job(int(job_id))

    def update_view_table(
        self,
        job_id: int,  # noqa: ARG002 - the row is made of the record alone
        user: int | None = None,  # noqa: ARG002
        group: int | None = None,  # noqa: ARG002
        task_id: UUID | None = None,  # noqa: ARG002
    ) -> None:
        """Bring the view up to date."""
        self._follow()


class JobProgress(FollowedView):
    """How far is a job."""

    name = "JobProgress"

    def update_view_table(self, job_id: int) -> None:  # noqa: ARG002 - the row is made of the record alone
        """Bring the view up to date."""
        self._follow()


class WorkflowProgress(FollowedView):
    """Where is a run."""

    name = "WorkflowProgress"

    def update_view_table(self, wf_id: UUID) -> None:  # noqa: ARG002 - the row is made of the record alone
        """Bring the view up to date."""
        self._follow()


class WorkflowAnalytics(FollowedView):
    """How often were tasks done, how long did they take, and how did they end."""

    name = "WorkflowAnalytics"

    def get_task_counts(self, user: int | None = None, group: int | None = None) -> dict[TaskVersion, int]:
        """Return how often each task was done, by its name and version."""
        counts = Counter(_version(row) for row in self._views.task_executions(user, group))
        return dict(sorted(counts.items(), key=str))

    def get_average_task_duration(
        self, user: int | None = None, group: int | None = None
    ) -> dict[TaskVersion, float]:
        """Return how many seconds each task took on average, of those that have ended."""
        lengths: dict[TaskVersion, list[timedelta]] = defaultdict(list)
        for row in self._views.task_executions(user, group):
            if row.end_time is not None:
                lengths[_version(row)].append(row.end_time - row.start_time)
        return {
            task: sum(some, timedelta()).total_seconds() / len(some)
            for task, some in sorted(lengths.items(), key=str)
        }

    def get_task_failures(
        self, user: int | None = None, group: int | None = None
    ) -> dict[TaskVersion, list[str]]:
        """Return what each task's failures said, oldest first."""
        failures: dict[TaskVersion, list[str]] = defaultdict(list)
        for row in self._views.task_executions(user, group):
            if row.error_type is not None:
                failures[_version(row)].append(row.error_type)
        return dict(sorted(failures.items(), key=str))

    def get_task_usage_over_time(
        self, task_name: str, user: int | None = None, group: int | None = None
    ) -> dict[str, int]:
        """Return how often a task was begun on each day (``YYYY-MM-DD``, UTC), in any version."""
        return dict(sorted(Counter(self._days(task_name, user, group)).items()))

    def update_view_table(self, task_id: UUID) -> None:  # noqa: ARG002 - the row is made of the record alone
        """Bring the view up to date."""
        self._follow()

    def _days(self, task_name: str, user: int | None, group: int | None) -> Iterator[str]:
        for row in self._views.task_executions(user, group):
            if row.task_name == task_name:
                yield row.start_time.date().isoformat()


def _version(row: TaskExecutionRow) -> TaskVersion:
    return row.task_name, row.task_version
