"""Documented names of the database: one engine for callers that bring their own SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from biomero.adapters.persistence.database_url import read_url
from biomero.adapters.persistence.engine import make_engine
from biomero.adapters.persistence.retry import retry_on_database_conflict
from biomero.adapters.persistence.tables import (
    JobProgressView,
    JobView,
    TaskExecution,
    WorkflowProgressView,
)
from biomero.bootstrap import settings_for
from biomero.errors import ConfigurationError

__all__ = [
    "EngineManager",
    "JobProgressView",
    "JobView",
    "TaskExecution",
    "WorkflowProgressView",
    "database_transaction",
    "retry_on_database_conflict",
]


class EngineManager:
    """One engine a process, for callers outside; nothing inside BIOMERO uses it or is closed by it."""

    _engine: ClassVar[Engine | None] = None
    _session: ClassVar[scoped_session[Session] | None] = None

    @classmethod
    def create_scoped_session(cls, sqlalchemy_url: str | None = None) -> str:
        """Open the database if that was not done, and return the topic of what gives its sessions.

        Raises
        ------
        ConfigurationError
            If there is no address, or it is wrong.
        """
        if cls._session is None:
            address = sqlalchemy_url or settings_for().analytics.database_url
            if address is None:
                raise ConfigurationError("no database is set; give sqlalchemy_url, or set SQLALCHEMY_URL")
            cls._engine = make_engine(read_url(address))
            cls._session = scoped_session(sessionmaker(bind=cls._engine))
        return f"{cls.__module__}:{cls.__qualname__}.get_session"

    @classmethod
    def get_session(cls) -> scoped_session[Session]:
        """Return the session of this thread.

        Raises
        ------
        ConfigurationError
            If `create_scoped_session` was not called.
        """
        if cls._session is None:
            raise ConfigurationError("call EngineManager.create_scoped_session first")
        return cls._session

    @classmethod
    def commit(cls) -> None:
        """End this thread's transaction; what it wrote stays."""
        cls.get_session().commit()

    @classmethod
    def rollback(cls) -> None:
        """End this thread's transaction; what it wrote is gone."""
        cls.get_session().rollback()

    @classmethod
    def remove_session(cls) -> None:
        """Give this thread's connection back."""
        cls.get_session().remove()

    @classmethod
    def safe_commit(cls) -> None:
        """End this thread's transaction; where the database is busy, try again."""
        retry_on_database_conflict()(cls.commit)()

    @classmethod
    def close_engine(cls) -> None:
        """Close every connection; the next `create_scoped_session` may name another database."""
        if cls._session is not None:
            cls._session.remove()
        if cls._engine is not None:
            cls._engine.dispose()
        cls._engine = cls._session = None


@contextmanager
def database_transaction(isolation_level: str | None = None) -> Iterator[scoped_session[Session]]:
    """Give a session whose work stays if the block ends well, and is gone if it does not."""
    session = EngineManager.get_session()
    if isolation_level is not None:
        session.connection(execution_options={"isolation_level": isolation_level})
    try:
        yield session
    except BaseException:
        session.rollback()
        raise
    session.commit()
