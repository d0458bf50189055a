"""Statements that are a transaction each, straight to PostgreSQL's driver.

SQLAlchemy gives the connections and the errors. What else it does for a statement takes longer than the
statement itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import PoolProxiedConnection

_CURSOR = "biomero_cursor"


class LoneStatements:
    """Runs statements on connections that commit each one; they close with the engine.

    Parameters
    ----------
    engine
        Its own connections are not used, but others that are made and looked after like them.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._driver: Any = engine.dialect.loaded_dbapi
        self._pool = engine.pool.recreate()
        sa.event.listen(self._pool, "connect", _commit_each)
        sa.event.listen(engine, "engine_disposed", self._close)

    def ask(self, statement: str, values: Sequence[object]) -> Sequence[Any]:
        """Run a statement, with ``%s`` for each value, and return its rows; errors are SQLAlchemy's own."""
        try:
            connection = self._pool.connect()
            try:
                rows = _run(connection, statement, values)
            except BaseException as exc:
                if isinstance(exc, self._driver.Error) and not _is_closed(connection):
                    connection.close()  # the statement was refused
                else:
                    connection.invalidate(exc)
                raise
            connection.close()
        except self._driver.Error as exc:
            raise sa.exc.DBAPIError.instance(statement, None, exc, self._driver.Error) from exc
        return rows

    def _close(self, _engine: sa.Engine) -> None:
        self._pool.dispose()
        self._pool = self._pool.recreate()


def _run(connection: PoolProxiedConnection, statement: str, values: Sequence[object]) -> Sequence[Any]:
    cursor = connection.info.get(_CURSOR)
    if cursor is None:  # a new one each time would learn types and statements anew
        cursor = connection.info[_CURSOR] = connection.cursor()
    cursor.execute(statement, values)
    return cast("Sequence[Any]", cursor.fetchall())


def _is_closed(connection: PoolProxiedConnection) -> bool:
    driver_connection: Any = connection.driver_connection
    return bool(driver_connection.closed)


def _commit_each(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg's own
    connection.autocommit = True
