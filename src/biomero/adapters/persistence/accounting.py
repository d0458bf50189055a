"""What runs and jobs cost, read from views; see `AccountingQuestions`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from biomero.adapters.persistence.engine import database_errors
from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.tables import RunJobRow, RunRow
from biomero.application.ports.accounting import JobFacts, RunFacts

Row = TypeVar("Row", bound=tuple[Any, ...])


class SqlAccounting:
    """Asks the views of a database, which are there and up to date."""

    def __init__(self, factory: Factory) -> None:
        self._url = factory.url
        self._engine = factory.engine

    def runs(self, since: datetime | None) -> Sequence[RunFacts]:
        """See `AccountingQuestions.runs`."""
        question = sa.select(
            RunRow.run_id,
            RunRow.workflow,
            RunRow.name,
            RunRow.requested_by,
            RunRow.user_id,
            RunRow.group_id,
            RunRow.status,
            RunRow.failure_class,
            RunRow.requested_at,
            RunRow.ended_at,
        )
        with database_errors(self._url), self._engine.connect() as connection:
            rows = connection.execute(_since(question, since).order_by(RunRow.requested_at, RunRow.run_id))
            return [
                RunFacts(
                    run_id=row.run_id,
                    workflow=row.workflow or row.name or "",
                    user=_user(row.requested_by, row.user_id),
                    group=row.group_id,
                    status=row.status,
                    failure_class=row.failure_class,
                    requested_at=row.requested_at,
                    ended_at=row.ended_at,
                )
                for row in rows
            ]

    def jobs(self, since: datetime | None) -> Sequence[JobFacts]:
        """See `AccountingQuestions.jobs`."""
        question = (
            sa.select(
                RunJobRow.run_id,
                RunJobRow.partition,
                RunJobRow.wall_s,
                RunJobRow.cpu_s,
                RunJobRow.max_memory_mb,
                sa.func.coalesce(RunJobRow.allocated_cpus, RunJobRow.requested_cpus).label("cpus"),
                sa.func.coalesce(
                    RunJobRow.allocated_memory_mb, sa.cast(RunJobRow.requested_memory_mb, sa.Float)
                ).label("memory_mb"),
                RunJobRow.gpus,
                RunJobRow.energy_j,
                RunJobRow.waited_s,
                RunJobRow.submitted_at,
                RunJobRow.started_at,
            )
            .join(RunRow, RunRow.run_id == RunJobRow.run_id)
            .where(RunJobRow.job_id.is_not(None))
        )
        with database_errors(self._url), self._engine.connect() as connection:
            rows = connection.execute(_since(question, since))
            return [
                JobFacts(
                    run_id=row.run_id,
                    partition=row.partition,
                    wall_s=row.wall_s,
                    cpu_s=row.cpu_s,
                    max_memory_mb=row.max_memory_mb,
                    cpus=row.cpus,
                    memory_mb=row.memory_mb,
                    gpus=row.gpus,
                    energy_j=row.energy_j,
                    waited_s=_seconds(row.submitted_at, row.started_at)
                    if row.waited_s is None
                    else row.waited_s,
                )
                for row in rows
            ]


def _since(question: sa.Select[Row], since: datetime | None) -> sa.Select[Row]:
    if since is None:
        return question
    return question.where(RunRow.requested_at >= since.astimezone(UTC).replace(tzinfo=None))


def _user(name: str | None, omero_id: int | None) -> str:
    if name:
        return name
    return "" if omero_id is None else f"OMERO user {omero_id}"


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()
