"""Runs that have not ended are counted, and suspects told apart, without a look at the table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_READY = ("pool", "cluster", "requester", "added", "due", "host", "cancel", "pause", "crashes")


def upgrade() -> None:
    """Make one index, and another one anew."""
    op.drop_index("ix_engine_run_ready", "engine_run")
    _index("ready", "state = 'ready'", *_READY)
    _index("open", "state <> 'ended'", "cluster", "state", "step")


def _index(name: str, condition: str, *columns: str) -> None:
    only = sa.text(condition)
    op.create_index(
        f"ix_engine_run_{name}", "engine_run", list(columns), sqlite_where=only, postgresql_where=only
    )
