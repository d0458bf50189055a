"""What Alembic runs: the steps that are missing, on the connection and in the transaction of its caller."""

from __future__ import annotations

from alembic import context

from biomero.adapters.persistence.schema import ALL_TABLES, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=ALL_TABLES,
    # importers keep tables of their own in the same database, under Alembic's usual name
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
