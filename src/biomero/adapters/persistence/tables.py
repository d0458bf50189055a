"""The tables of views; the documented four have the columns that dashboards query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from biomero.application.ports.views import Key, Row, Table


class ViewBase(DeclarativeBase):
    """All tables that migrations make, and none of the record."""


class JobView(ViewBase):
    """Whose job is it."""

    __tablename__ = Table.JOBS.value

    slurm_job_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user: Mapped[int]
    group: Mapped[int]
    task_id: Mapped[UUID | None]


class JobProgressView(ViewBase):
    """How far is a job."""

    __tablename__ = Table.JOB_PROGRESS.value

    slurm_job_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    status: Mapped[str]
    progress: Mapped[str | None]


class WorkflowProgressView(ViewBase):
    """Where is a run."""

    __tablename__ = Table.WORKFLOW_PROGRESS.value

    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str | None]
    progress: Mapped[str | None]
    user: Mapped[int | None]
    group: Mapped[int | None]
    name: Mapped[str | None]
    task: Mapped[str | None]
    main_task_name: Mapped[str | None]
    start_time: Mapped[datetime]


class TaskExecution(ViewBase):
    """How long did a task take, and how did it end."""

    __tablename__ = Table.TASK_EXECUTION.value

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    task_name: Mapped[str]
    task_version: Mapped[str | None]
    user_id: Mapped[int | None]
    group_id: Mapped[int | None]
    status: Mapped[str]
    start_time: Mapped[datetime]
    end_time: Mapped[datetime | None]
    error_type: Mapped[str | None]


class KnownRun(ViewBase):
    """See `Table.KNOWN_RUNS`."""

    __tablename__ = Table.KNOWN_RUNS.value

    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    user: Mapped[int | None]
    group: Mapped[int | None]
    start_time: Mapped[datetime]
    cluster: Mapped[str | None]
    workflow_version: Mapped[str | None]


class KnownTask(ViewBase):
    """See `Table.KNOWN_TASKS`."""

    __tablename__ = Table.KNOWN_TASKS.value

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID]
    task_name: Mapped[str]


class KnownJob(ViewBase):
    """See `Table.KNOWN_JOBS`."""

    __tablename__ = Table.KNOWN_JOBS.value

    key: Mapped[str] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID]
    step: Mapped[str]
    slurm_job_id: Mapped[int | None]


class TaskJob(ViewBase):
    """See `Table.TASK_JOBS`."""

    __tablename__ = Table.TASK_JOBS.value

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    slurm_job_id: Mapped[int]


class RunRow(ViewBase):
    """See `Table.RUNS`."""

    __tablename__ = Table.RUNS.value
    __table_args__ = (sa.Index("ix_biomero_run_user_requested", "user_id", "requested_at"),)

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    workflow: Mapped[str | None]
    workflow_version: Mapped[str | None]
    user_id: Mapped[int | None]
    group_id: Mapped[int | None]
    requested_by: Mapped[str | None]
    cluster: Mapped[str | None]
    status: Mapped[str]
    step: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(index=True)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    images_total: Mapped[int | None]
    images_done: Mapped[int]
    images_failed: Mapped[int]
    failure_class: Mapped[str | None]
    failure_message: Mapped[str | None]
    container_digest: Mapped[str | None]


class RunImageRow(ViewBase):
    """See `Table.RUN_IMAGES`."""

    __tablename__ = Table.RUN_IMAGES.value

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    image_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str | None]
    source: Mapped[str | None]
    sha256: Mapped[str | None]
    stage: Mapped[str | None]
    failure_class: Mapped[str | None]
    failure_message: Mapped[str | None]


class RunJobRow(ViewBase):
    """See `Table.RUN_JOBS`."""

    __tablename__ = Table.RUN_JOBS.value

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    task_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step: Mapped[str]
    cluster: Mapped[str | None]
    job_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    state: Mapped[str | None]
    reason: Mapped[str | None]
    exit_code: Mapped[int | None]
    signal: Mapped[int | None]
    node: Mapped[str | None]
    partition: Mapped[str | None]
    wall_s: Mapped[float | None]
    cpu_s: Mapped[float | None]
    max_memory_mb: Mapped[float | None]
    gpus: Mapped[int | None]
    requested_cpus: Mapped[int | None]
    requested_memory_mb: Mapped[int | None] = mapped_column(sa.BigInteger)
    requested_time_min: Mapped[int | None]
    submitted_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    waited_s: Mapped[float | None]
    allocated_cpus: Mapped[int | None]
    allocated_memory_mb: Mapped[float | None]
    energy_j: Mapped[float | None]


class RunOutputRow(ViewBase):
    """See `Table.RUN_OUTPUTS`."""

    __tablename__ = Table.RUN_OUTPUTS.value

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    path: Mapped[str]
    kind: Mapped[str | None]
    sha256: Mapped[str | None] = mapped_column(index=True)
    size: Mapped[int | None] = mapped_column(sa.BigInteger)
    image_index: Mapped[int | None]


class TimelineRow(ViewBase):
    """See `Table.TIMELINE`."""

    __tablename__ = Table.TIMELINE.value

    position: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    run_id: Mapped[UUID] = mapped_column(index=True)
    time: Mapped[datetime]
    kind: Mapped[str]
    text: Mapped[str]


class TaskJobKey(ViewBase):
    """See `Table.TASK_JOB_KEYS`."""

    __tablename__ = Table.TASK_JOB_KEYS.value

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID]
    key: Mapped[str]


class ViewPosition(ViewBase):
    """How far each view has come; none yet where the position is missing."""

    __tablename__ = "biomero_view_position"

    view: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int | None] = mapped_column(sa.BigInteger)


POSITIONS = ViewBase.metadata.tables[ViewPosition.__tablename__]
LOCK = "lock"
"""The row of positions that whoever changes views takes first."""


def table_of(table: Table) -> sa.Table:
    """Return a table as SQLAlchemy has it."""
    return ViewBase.metadata.tables[table.value]


def is_one_of(table: Table, keys: Sequence[Key]) -> sa.ColumnElement[bool]:
    """Return the condition that a row's key is among some."""
    columns = tuple(table_of(table).primary_key.columns)
    # several columns are compared as one
    return columns[0].in_(keys) if len(columns) == 1 else sa.tuple_(*columns).in_(keys)


def key_in(table: Table, row: Row) -> Key:
    """Return the key of a row."""
    values = tuple(row[column.name] for column in table_of(table).primary_key.columns)
    return values[0] if len(values) == 1 else values
