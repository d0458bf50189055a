"""Views in SQL; see `ViewStore`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from uuid import UUID

import sqlalchemy as sa

from biomero.adapters.persistence.engine import database_errors, writes_soon
from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.schema import ensure_schema
from biomero.adapters.persistence.tables import LOCK, POSITIONS, JobView, TaskExecution
from biomero.adapters.persistence.view_rows import SqlRows, read_positions
from biomero.application.ports.views import TaskExecutionRow


class SqlViewStore:
    """Views in the database of the record, on the same connections. Tables are made when first needed."""

    def __init__(self, factory: Factory) -> None:
        self._url = factory.url
        self._engine = factory.engine
        self._is_made = False
        self._making = Lock()

    @contextmanager
    def transaction(self) -> Iterator[SqlRows]:
        """See `ViewStore.transaction`."""
        self._make()
        with database_errors(self._url), writes_soon(self._engine).begin() as connection:
            # SQLite's transaction has the whole file; there the words FOR UPDATE are left out
            lock = sa.select(POSITIONS.c.view).where(POSITIONS.c.view == LOCK).with_for_update()
            connection.execute(lock).all()
            rows = SqlRows(connection)
            yield rows
            rows.write()

    def positions(self) -> Mapping[str, int]:
        """See `ViewStore.positions`."""
        with self._connection() as connection:
            return read_positions(connection)

    def jobs_by_user(self, user: int | None, group: int | None) -> dict[int, list[int]]:
        """See `ViewStore.jobs_by_user`."""
        question = sa.select(JobView.user, JobView.slurm_job_id).order_by(JobView.slurm_job_id)
        if user is not None:
            question = question.where(JobView.user == user)
        if group is not None:
            question = question.where(JobView.group == group)
        found: dict[int, list[int]] = defaultdict(list)
        with self._connection() as connection:
            for owner, job_id in connection.execute(question):
                found[owner].append(job_id)
        return dict(found)

    def task_of_job(self, slurm_job_id: int) -> UUID | None:
        """See `ViewStore.task_of_job`."""
        question = sa.select(JobView.task_id).where(JobView.slurm_job_id == slurm_job_id)
        with self._connection() as connection:
            return connection.execute(question).scalar_one_or_none()

    def task_executions(self, user: int | None, group: int | None) -> Sequence[TaskExecutionRow]:
        """See `ViewStore.task_executions`."""
        question = sa.select(
            TaskExecution.task_name,
            TaskExecution.task_version,
            TaskExecution.start_time,
            TaskExecution.end_time,
            TaskExecution.error_type,
        ).order_by(TaskExecution.start_time)
        if user is not None:
            question = question.where(TaskExecution.user_id == user)
        if group is not None:
            question = question.where(TaskExecution.group_id == group)
        with self._connection() as connection:
            return [TaskExecutionRow(**row) for row in connection.execute(question).mappings()]

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        self._make()
        with database_errors(self._url), self._engine.connect() as connection:
            yield connection

    def _make(self) -> None:
        with self._making:
            if self._is_made:
                return
            ensure_schema(self._engine, self._url)
            self._is_made = True
