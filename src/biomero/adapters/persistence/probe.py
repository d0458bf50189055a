"""Whether the database can be reached."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from biomero.adapters.persistence.database_url import read_url, shown
from biomero.errors import ConfigurationError

_TIMEOUT_S = 10


class DatabaseProbe:
    """Looks at a database; see `RecordProbe`.

    Parameters
    ----------
    url
        As SQLAlchemy spells it; neither it nor its password is part of any answer.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def name(self) -> str:
        """See `RecordProbe.name`."""
        try:
            return shown(read_url(self._url))
        except ConfigurationError:
            return "the database"

    def obstacle(self) -> str | None:
        """See `RecordProbe.obstacle`."""
        try:
            url = read_url(self._url)
        except ConfigurationError as exc:
            return str(exc)
        if url.get_backend_name() == "sqlite":
            # it is made with the first run, and looking shall not make it
            is_there = url.database and Path(url.database).exists()
            # SQLite opens any file, and reads it only when it must
            return _ask(url, {}, "SELECT count(*) FROM sqlite_master") if is_there else None
        return _ask(url, {"connect_timeout": _TIMEOUT_S}, "SELECT 1")


def _ask(url: URL, arguments: dict[str, int], question: str) -> str | None:
    """Return why a question gets no answer; ``None`` if it does."""
    try:
        engine = create_engine(url, connect_args=arguments)
    except ImportError as exc:
        return f"its driver is not installed: {exc}"
    try:
        with engine.connect() as connection:
            connection.execute(text(question))
    except (SQLAlchemyError, OSError) as exc:
        words = " ".join(str(getattr(exc, "orig", None) or exc).split())
        return words.replace(url.password, "***") if url.password else words
    finally:
        engine.dispose()
    return None
