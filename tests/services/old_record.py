"""What BIOMERO 2.8.3 itself wrote, put into a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from biomero.application.tracking import WorkflowTracker

_EVENTS = Path(__file__).parents[1] / "fixtures/record/biomero-2.8.3-events.jsonl"

TABLES = (
    (
        'CREATE TABLE biomero_job_view (slurm_job_id INTEGER NOT NULL PRIMARY KEY, "user" INTEGER NOT NULL, '
        '"group" INTEGER NOT NULL, task_id {uuid})'
    ),
    (
        "CREATE TABLE biomero_job_progress_view (slurm_job_id INTEGER NOT NULL PRIMARY KEY, "
        "status VARCHAR NOT NULL, progress VARCHAR)"
    ),
    (
        "CREATE TABLE biomero_workflow_progress_view (workflow_id {uuid} NOT NULL PRIMARY KEY, "
        'status VARCHAR, progress VARCHAR, "user" INTEGER, "group" INTEGER, name VARCHAR, task VARCHAR, '
        "main_task_name VARCHAR, start_time TIMESTAMP NOT NULL)"
    ),
    (
        "CREATE TABLE biomero_task_execution (task_id {uuid} NOT NULL PRIMARY KEY, "
        "task_name VARCHAR NOT NULL, task_version VARCHAR, user_id INTEGER, group_id INTEGER, "
        "status VARCHAR NOT NULL, start_time TIMESTAMP NOT NULL, end_time TIMESTAMP, error_type VARCHAR)"
    ),
    # an importer's own, which is no business of ours
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
    "INSERT INTO alembic_version VALUES ('abc123')",
    # a row that was never right
    'INSERT INTO biomero_job_view (slurm_job_id, "user", "group") VALUES (-1, 0, 0)',
)
"""The four documented tables with the documented columns, as such a database has them."""


def make_old_tables(engine: sa.Engine) -> None:
    """Make the views' tables that BIOMERO 2 would have made."""
    uuid = "UUID" if engine.dialect.name == "postgresql" else "CHAR(32)"
    with engine.begin() as connection:
        for statement in TABLES:
            connection.execute(sa.text(statement.format(uuid=uuid)))


def load_events(tracker: WorkflowTracker, engine: sa.Engine) -> None:
    """Put the events into the record, as they were stored."""
    table: Any = tracker.recorder.table  # type: ignore[attr-defined] # the SQL recorder's own
    with engine.begin() as connection:
        for line in _EVENTS.read_text().splitlines():
            old = json.loads(line)
            state = json.dumps(old["state"], separators=(",", ":")).encode()
            row = {**old, "originator_id": UUID(old["originator_id"]), "state": state}
            del row["id"]
            connection.execute(sa.insert(table), row)
