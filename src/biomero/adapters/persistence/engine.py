"""Connections to the database: opened when needed, checked before use, their errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from biomero.adapters.persistence.database_url import shown
from biomero.adapters.persistence.idle_check import IdleCheck
from biomero.errors import ConfigurationError, DatabaseUnavailableError, RecordError

_CONNECT_TIMEOUT_S = 10
_BUSY_TIMEOUT_MS = 10_000
_LOCK_TIMEOUT_MS = 10_000
_IDLE_TIMEOUT_MS = 20_000
"""A process that froze with a transaction open shall not hold up the others: less than a worker's lease."""
_READ_ONLY = "25006"
_WRITES_SOON = "biomero_writes_soon"


def make_engine(url: URL) -> Engine:
    """Return what gives connections; nothing is connected yet.

    Raises
    ------
    ConfigurationError
        If the driver is not installed.
    """
    try:
        if url.get_backend_name() != "sqlite":
            # the connection that was used last knows the statements already
            engine = create_engine(
                url, pool_use_lifo=True, connect_args={"connect_timeout": _CONNECT_TIMEOUT_S}
            )
            event.listen(engine, "do_connect", _connect_patiently)
            event.listen(engine, "connect", _prepare_postgresql)
            IdleCheck(engine.pool)
            return engine
        options: dict[str, Any] = {}
        if in_memory(url):
            options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        engine = create_engine(url, **options)
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"PostgreSQL needs {exc.name}, which is not installed: pip install 'biomero[postgres]'"
        ) from exc
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def in_memory(url: URL) -> bool:
    """Say whether a database has no file."""
    return url.database in {None, "", ":memory:"} or "mode=memory" in str(url)


def writes_soon(engine: Engine) -> Engine:
    """Return an engine whose transactions take SQLite's lock for writing when they begin.

    A transaction that read first could not get it if another wrote meanwhile, and waiting does not help.
    """
    return engine.execution_options(**{_WRITES_SOON: True})


def _connect_patiently(_dialect: object, _record: object, args: Any, options: Any) -> object:  # noqa: ANN401 - SQLAlchemy's own
    # the driver is an extra
    from biomero.adapters.persistence.patient_connection import PatientConnection  # noqa: PLC0415

    return PatientConnection.connect(*args, **options)


def _prepare_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg's own
    # not among the options of connecting, which some connection pools refuse
    connection.execute(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}")
    connection.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_TIMEOUT_MS}")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3's own
    # the driver would begin transactions by its own rules
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    # readers go on while somebody writes; the file keeps the mode, so that only the first one sets it
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
        # it does not wait for others; whoever is here is setting it, too
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    soon = connection.get_execution_options().get(_WRITES_SOON)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if soon else "BEGIN")


@contextmanager
def database_errors(url: URL) -> Iterator[None]:
    """Turn SQLAlchemy's errors into ours; none shows the password."""
    try:
        yield
    except (OperationalError, InterfaceError) as exc:
        raise DatabaseUnavailableError(f"the database {shown(url)} cannot be used now: {_said(exc)}") from exc
    except SQLAlchemyError as exc:
        if is_read_only(exc):
            raise DatabaseUnavailableError(f"the database {shown(url)} takes no changes now") from exc
        raise RecordError(f"the database {shown(url)}: {_said(exc)}") from exc


def is_read_only(error: SQLAlchemyError) -> bool:
    """Say whether the server takes no changes, as a standby does until it has taken over.

    To the driver that is a mistake of the program.
    """
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _READ_ONLY


def _said(error: SQLAlchemyError) -> str:
    """Return what the driver said, in one line; the statement and its values are left out."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(cause).split())[:500]
