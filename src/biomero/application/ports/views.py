"""Views: tables made of the record's events, for dashboards and for questions that need no replay."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

Row = dict[str, Any]
"""A row of a view by column; moments are in UTC and without a zone, as the tables hold them."""

Key = UUID | int | str | tuple[UUID | int | str, ...]
"""What a row is found by; several columns make a tuple, in the order in which the table has them."""


class Table(enum.Enum):
    """The tables: those of BIOMERO 2, what views remember for themselves (``biomero_view_…``), and ours."""

    JOBS = "biomero_job_view"
    JOB_PROGRESS = "biomero_job_progress_view"
    WORKFLOW_PROGRESS = "biomero_workflow_progress_view"
    TASK_EXECUTION = "biomero_task_execution"
    KNOWN_RUNS = "biomero_view_run"
    """What never changes of a run, by its id."""
    KNOWN_TASKS = "biomero_view_task"
    """What never changes of a task, by its id."""
    KNOWN_JOBS = "biomero_view_job"
    """What never changes of a job of our engine, by its key."""
    TASK_JOBS = "biomero_view_task_job"
    """The job that works on a task now, by the task's id."""
    RUNS = "biomero_run"
    """Every run, by its id."""
    RUN_IMAGES = "biomero_run_image"
    """The images of runs, by the run's id and the image's index."""
    RUN_JOBS = "biomero_job"
    """Every job and array task, by the run's id, the job's key and the task's index (-1 for a single job)."""
    RUN_OUTPUTS = "biomero_output"
    """What runs delivered, by the run's id and a number."""
    TIMELINE = "biomero_event_timeline"
    """What happened, a line an event, by the event's position."""
    TASK_JOB_KEYS = "biomero_view_task_job_key"
    """The row of `RUN_JOBS` that a task's status is about, by the task's id."""


class Rows(Protocol):
    """The rows of views, as one transaction sees them."""

    def get(self, table: Table, key: Key) -> Row | None:
        """Return a copy of a row, or ``None``."""
        ...

    def put(self, table: Table, key: Key, row: Row) -> None:
        """Write a whole row, in place of the one of that key if there is one."""
        ...

    def remove(self, table: Table, key: Key) -> None:
        """Remove a row; one that is not there is no error."""
        ...


class ViewTransaction(Rows, Protocol):
    """Rows and positions that are written together or not at all.

    Until it ends, no other process changes a view.
    """

    def positions(self) -> Mapping[str, int]:
        """Return how far each view has come; one that was never built is missing."""
        ...

    def move(self, positions: Mapping[str, int]) -> None:
        """Say how far views have come."""
        ...

    def prefetch(self, table: Table, keys: Collection[Key]) -> None:
        """Read rows that are going to be wanted, all at once."""
        ...

    def are_new(self, keys: Collection[Key]) -> None:
        """Say of which keys no table has a row yet, so that nobody asks."""
        ...

    def replace(self, table: Table, rows: Mapping[Key, Row]) -> None:
        """Let a table hold these rows and no others; readers see the old ones until the end."""
        ...


class ViewQuestions(Protocol):
    """What can be asked of views; every call raises `RecordError` if the database does not do its part."""

    def positions(self) -> Mapping[str, int]:
        """Return how far each view has come; one that was never built is missing."""
        ...

    def jobs_by_user(self, user: int | None, group: int | None) -> dict[int, list[int]]:
        """Return the ids of jobs, by the id of their OMERO user."""
        ...

    def task_of_job(self, slurm_job_id: int) -> UUID | None:
        """Return the task that a job works on."""
        ...

    def task_executions(self, user: int | None, group: int | None) -> Sequence[TaskExecutionRow]:
        """Return what is known of the tasks of a user, of a group, or of all."""
        ...


class ViewStore(ViewQuestions, Protocol):
    """Where views are kept."""

    def transaction(self) -> AbstractContextManager[ViewTransaction]:
        """Wait until nobody else changes views, then let the block change them.

        Raises
        ------
        RecordError
            If the database does not do its part; nothing is half written then.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskExecutionRow:
    """A row of the view of tasks."""

    task_name: str
    task_version: str | None
    start_time: datetime
    end_time: datetime | None
    error_type: str | None
