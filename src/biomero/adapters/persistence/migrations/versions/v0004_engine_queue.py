"""The queue of runs: which process works on which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from biomero.adapters.persistence.event_recorder import OriginatorId

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "engine_run",
        sa.Column("run_id", OriginatorId(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("added", sa.Double(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("pause", sa.Boolean(), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("job_key", sa.String(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("job_folder", sa.String(), nullable=True),
        sa.Column("job_tasks", sa.Integer(), nullable=True),
        sa.Column("since", sa.Double(), nullable=True),
        sa.Column("seen", sa.String(), nullable=False),
        sa.Column("unknown_looks", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    _index("ready", "pool", "cluster", "requester", "added", "due", "host", "cancel", "pause")
    _index("claimed", "owner", "pool", "cluster", "requester")
    _index("waiting", "cluster", "requester")
    op.create_table(
        "engine_worker",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("drives_all", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("worker"),
    )
    op.create_table(
        "engine_lead",
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("what"),
    )


def _index(state: str, *columns: str) -> None:
    only = sa.text(f"state = '{state}'")
    op.create_index(
        f"ix_engine_run_{state}", "engine_run", list(columns), sqlite_where=only, postgresql_where=only
    )
