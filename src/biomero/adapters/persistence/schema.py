"""Which tables a database has, and which it should have; see `DatabaseSchema`."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from biomero.adapters.persistence.database_url import shown
from biomero.adapters.persistence.engine import database_errors, make_engine, writes_soon
from biomero.adapters.persistence.event_store import made_once
from biomero.adapters.persistence.outbox_tables import NOTICES
from biomero.adapters.persistence.queue_tables import RUNS
from biomero.adapters.persistence.tables import POSITIONS
from biomero.application.ports.database import SchemaState
from biomero.errors import SchemaError

NEWEST = "0007"
"""The last step of the migrations."""

_NAMED = (RUNS, NOTICES)
ALL_TABLES = _NAMED[0].metadata
"""The tables of views, of the queue and of notices; the record's are made by who opens it."""

VERSION_TABLE = "biomero_schema_version"
_VERSION = sa.table(VERSION_TABLE, sa.column("version_num"))
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x62696F6D65726F  # "biomero": whoever migrates PostgreSQL holds it
_ALEMBIC = threading.Lock()
"""Alembic keeps the migration under way in variables of its module: one at a time in each process."""


class SqlSchema:
    """The tables of views in one database."""

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self._engine = make_engine(url)

    @property
    def address(self) -> str:
        """See `DatabaseSchema.address`."""
        return shown(self._url)

    def state(self) -> SchemaState:
        """See `DatabaseSchema.state`."""
        with database_errors(self._url), self._engine.connect() as connection:
            return SchemaState(
                version=version_of(connection),
                newest=NEWEST,
                missing=missing_parts(connection),
                positions=_positions(connection),
            )

    def upgrade(self) -> None:
        """See `DatabaseSchema.upgrade`."""
        upgrade(self._engine, self._url)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def version_of(connection: sa.Connection) -> str | None:
    """Return the last step that was done; ``None`` where no migration ever was."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar_one_or_none()


def ensure_schema(engine: sa.Engine, url: sa.URL) -> None:
    """See that views have their tables; make them where there are none, or only those of BIOMERO 2.

    Raises
    ------
    SchemaError
        If somebody has to upgrade the database, or BIOMERO.
    """
    with database_errors(url), engine.connect() as connection:
        version = version_of(connection)
    if version == NEWEST:
        return
    if version is None:
        upgrade(engine, url)
        return
    refuse_newer(version, url)
    raise SchemaError(
        f"an older BIOMERO made the tables of {shown(url)} ({version}; this one needs {NEWEST}); "
        "bring them up to date: biomero db upgrade"
    )


def refuse_newer(version: str, url: sa.URL) -> None:
    """Raise `SchemaError` for tables that a newer BIOMERO made."""
    if version > NEWEST:
        raise SchemaError(
            f"a newer BIOMERO made the tables of {shown(url)} ({version}; this one knows {NEWEST}); "
            "upgrade BIOMERO: pip install --upgrade biomero"
        )


def upgrade(engine: sa.Engine, url: sa.URL, target: str = "head") -> None:
    """Do the steps that are missing, in one transaction; who comes at the same time finds them done.

    Raises
    ------
    SchemaError
        If a newer BIOMERO made the tables.
    RecordError
        If the database does not do its part; nothing is half done then.
    """

    def migrate() -> None:
        with writes_soon(engine).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            version = version_of(connection)
            if version is not None:
                refuse_newer(version, url)
            if version != NEWEST:
                _run_steps(connection, target)

    with database_errors(url):
        made_once(migrate)


def _run_steps(connection: sa.Connection, target: str) -> None:
    # a second to import, and seldom needed
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _ALEMBIC:
        command.upgrade(config, target)


def missing_parts(connection: sa.Connection) -> tuple[str, ...]:
    """Return the tables and columns that a database should have and has not."""
    inspected = sa.inspect(connection)
    there = set(inspected.get_table_names())
    missing: list[str] = []
    for name, table in ALL_TABLES.tables.items():
        if name not in there:
            missing.append(name)
            continue
        columns: list[Any] = inspected.get_columns(name)
        found = {column["name"] for column in columns}
        missing += [f"{name}.{column.name}" for column in table.columns if column.name not in found]
    return tuple(missing)


def _positions(connection: sa.Connection) -> dict[str, int]:
    if not sa.inspect(connection).has_table(POSITIONS.name):
        return {}
    rows = connection.execute(sa.select(POSITIONS.c.view, POSITIONS.c.position))
    return {view: position for view, position in rows if position is not None}
