"""A statement that is a transaction of its own, straight to PostgreSQL's driver.

SQLAlchemy gives the connections and the errors. What else it does for a statement takes longer than the
statement itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

_CURSOR = "biomero_cursor"


class LoneStatement:
    """Runs one statement again and again, on connections that commit each one; they close with the engine.

    Parameters
    ----------
    engine
        Its connections are not used, but others that are made, looked after and counted like them.
    statement
        As the driver wants it: ``%s`` for each value. It answers with one value.
    """

    def __init__(self, engine: sa.Engine, statement: str) -> None:
        self._statement = statement
        self._driver: Any = engine.dialect.loaded_dbapi
        self._pool = engine.pool.recreate()
        sa.event.listen(self._pool, "connect", _commit_each)
        sa.event.listen(engine, "engine_disposed", self._close)

    def ask(self, values: Sequence[object]) -> Any:  # noqa: ANN401 - a column's own
        """Run it, and return its answer; errors are SQLAlchemy's own."""
        with self._sqlalchemy_errors():
            connection = self._pool.connect()
            driver_connection: Any = connection.driver_connection
            try:
                cursor = connection.info.get(_CURSOR)
                if cursor is None:  # a new one each time would learn types and the statement anew
                    cursor = connection.info[_CURSOR] = driver_connection.cursor()
                cursor.execute(self._statement, values)
                (answer,) = cursor.fetchone()
            except BaseException as exc:
                if isinstance(exc, self._driver.Error) and not driver_connection.closed:
                    connection.close()  # the statement was refused
                else:
                    connection.invalidate(exc)
                raise
            connection.close()
            return answer

    @contextmanager
    def _sqlalchemy_errors(self) -> Iterator[None]:
        try:
            yield
        except self._driver.Error as exc:
            raise sa.exc.DBAPIError.instance(self._statement, None, exc, self._driver.Error) from exc

    def _close(self, _engine: sa.Engine) -> None:
        self._pool.dispose()
        self._pool = self._pool.recreate()


def _commit_each(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg's own
    connection.autocommit = True
