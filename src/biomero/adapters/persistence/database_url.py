"""How an address of a database is spelt, and how it is shown."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from biomero.errors import ConfigurationError

_POSTGRESQL = "postgresql+psycopg"
_POSTGRESQL_SPELLINGS = ("postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2")


def read_url(text: str) -> URL:
    """Return the address of a database, with the driver that we use.

    PostgreSQL is always driven by psycopg 3, whatever driver the text names.

    Raises
    ------
    ConfigurationError
        If it is no address, or of a database that we do not use; the text is not repeated, for it holds
        a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # without the cause, which repeats parts of the text
        raise ConfigurationError(
            "the database's address is none; it looks like postgresql://user:password@host:5432/name "
            "or sqlite:////folder/file.sqlite"
        ) from None
    if url.drivername in _POSTGRESQL_SPELLINGS:
        return url.set(drivername=_POSTGRESQL)
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite")
    raise ConfigurationError(f"no database of kind '{url.drivername}'; there are: postgresql, sqlite")


def sqlite_url(file: Path) -> URL:
    """Return the address of a database in a file."""
    return URL.create("sqlite", database=str(file))


def shown(url: URL) -> str:
    """Return an address as it may be shown: without the password."""
    return url.render_as_string(hide_password=True)
