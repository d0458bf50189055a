"""The runs of a user are found without a look at those of others."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_biomero_run_user_requested", "biomero_run", ["user_id", "requested_at"])
