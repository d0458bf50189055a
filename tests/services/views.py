"""The events of a record, and the tables that became of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.tables import table_of
from biomero.application.ports.views import Table
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking

DOCUMENTED = (Table.JOBS, Table.JOB_PROGRESS, Table.WORKFLOW_PROGRESS, Table.TASK_EXECUTION)


def engine_of(tracking: Tracking) -> sa.Engine:
    assert isinstance(tracking.tracker, WorkflowTracker)
    assert isinstance(tracking.tracker.factory, Factory)
    return tracking.tracker.factory.engine


def rows(tracking: Tracking, table: Table) -> list[dict[str, Any]]:
    """Return a table's rows, in the order of their keys."""
    with engine_of(tracking).connect() as connection:
        found = connection.execute(sa.select(table_of(table))).mappings()
        return sorted((dict(row) for row in found), key=lambda row: [str(value) for value in row.values()])


def all_rows(tracking: Tracking) -> dict[str, list[dict[str, Any]]]:
    return {table.value: rows(tracking, table) for table in Table}


def events(tracker: WorkflowTracker) -> list[str]:
    """Return the short names of all events, oldest first."""
    found = tracker.recorder.select_notifications(1, 1_000_000)
    return [notification.topic.rpartition(".")[2] for notification in found]
