"""The four views of BIOMERO 2, and what keeps them right.

Tables that are there already are taken as they are: an older release, or BIOMERO 2 itself, made them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables that are missing."""
    op.create_table(
        "biomero_job_view",
        sa.Column("slurm_job_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user", sa.Integer(), nullable=False),
        sa.Column("group", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("slurm_job_id"),
        if_not_exists=True,
    )
    op.create_table(
        "biomero_job_progress_view",
        sa.Column("slurm_job_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("progress", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("slurm_job_id"),
        if_not_exists=True,
    )
    op.create_table(
        "biomero_workflow_progress_view",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("progress", sa.String(), nullable=True),
        sa.Column("user", sa.Integer(), nullable=True),
        sa.Column("group", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("task", sa.String(), nullable=True),
        sa.Column("main_task_name", sa.String(), nullable=True),
        sa.Column("start_time", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id"),
        if_not_exists=True,
    )
    op.create_table(
        "biomero_task_execution",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("task_name", sa.String(), nullable=False),
        sa.Column("task_version", sa.String(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("start_time", sa.DateTime(), nullable=False),
        sa.Column("end_time", sa.DateTime(), nullable=True),
        sa.Column("error_type", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("task_id"),
        if_not_exists=True,
    )
    op.create_table(
        "biomero_view_run",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("user", sa.Integer(), nullable=True),
        sa.Column("group", sa.Integer(), nullable=True),
        sa.Column("start_time", sa.DateTime(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=True),
        sa.Column("workflow_version", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("workflow_id"),
        if_not_exists=True,
    )
    op.create_table(
        "biomero_view_task",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("task_name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("task_id"),
        if_not_exists=True,
    )
    op.create_table(
        "biomero_view_job",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("slurm_job_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
        if_not_exists=True,
    )
    op.create_table(
        "biomero_view_task_job",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("slurm_job_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("task_id"),
        if_not_exists=True,
    )
    op.create_table(
        "biomero_view_position",
        sa.Column("view", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("view"),
        if_not_exists=True,
    )
    # the row that whoever changes views takes first
    op.execute(
        "INSERT INTO biomero_view_position (view, position) SELECT 'lock', NULL "
        "WHERE NOT EXISTS (SELECT 1 FROM biomero_view_position WHERE view = 'lock')"
    )
