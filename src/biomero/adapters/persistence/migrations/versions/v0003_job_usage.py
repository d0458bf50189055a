"""What was set aside for jobs, how long they waited, and what energy they took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; jobs that were recorded before have nothing in them."""
    for column in (
        sa.Column("waited_s", sa.Float(), nullable=True),
        sa.Column("allocated_cpus", sa.Integer(), nullable=True),
        sa.Column("allocated_memory_mb", sa.Float(), nullable=True),
        sa.Column("energy_j", sa.Float(), nullable=True),
    ):
        op.add_column("biomero_job", column)
    # the next process builds the view anew
    op.execute("DELETE FROM biomero_view_position WHERE view = 'RunJobs'")
