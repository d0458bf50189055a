"""Transactions on the queue: short, with the record's events in them."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from threading import Lock
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from biomero.adapters.persistence.engine import database_errors, in_memory, writes_soon
from biomero.adapters.persistence.event_recorder import EventRecorder
from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.schema import ensure_schema
from biomero.application.run_repository import Id
from biomero.application.tracking import WorkflowTracker
from biomero.domain.workflow_run import WorkflowRun

T = TypeVar("T")

_ATTEMPTS = 6
_PAUSE_S = 0.02
_PATIENCE_S = 15.0
"""A lock is waited for as long as connections are set to; after that it is not asked for again."""
# deadlock, serialization failure, lock not to be had in time
_PASSING = frozenset({"40P01", "40001", "55P03"})


class VersionTakenError(Exception):
    """Somebody else stored events of the same run in between; nothing of the transaction is stored."""


class QueueDatabase:
    """The database of a tracker, as the queue uses it: on the same connections, nothing opened anew."""

    def __init__(self, tracker: WorkflowTracker) -> None:
        assert isinstance(tracker.factory, Factory)  # noqa: S101 - tells the type checker
        assert isinstance(tracker.recorder, EventRecorder)  # noqa: S101 - likewise
        self.tracker = tracker
        self.events = tracker.recorder.table
        self._recorder = tracker.recorder
        self._url = tracker.factory.url
        self._engine = tracker.factory.engine
        self._writing = writes_soon(self._engine)
        self.is_postgresql = self._engine.dialect.name == "postgresql"
        # SQLite has one writer; threads of one process wait here, where the first who came is the next
        self._turn: Any = nullcontext() if self.is_postgresql else Lock()
        if in_memory(self._url):
            self._turn = self._recorder.turn  # one connection for everything
        self._is_made = False
        self._making = Lock()

    def now(self) -> sa.ColumnElement[float]:
        """Return the moment as the database counts: a server by its own clock, a file by this machine's."""
        if not self.is_postgresql:
            return sa.literal(time.time(), sa.Double)
        # of a subquery, which is asked once a statement and not once a row
        clock = sa.extract("epoch", sa.func.clock_timestamp())
        return sa.select(sa.cast(clock, sa.Double)).scalar_subquery()

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Do something in one transaction.

        `work` is called again where a lock could not be had or the database broke a deadlock.

        Raises
        ------
        VersionTakenError
            If a row is there that should be new.
        DatabaseUnavailableError, RecordError
            If the database does not do its part.
        """
        return self._tried(self._writing, work)

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Ask something, in one transaction; errors are those of `write`."""
        return self._tried(self._engine, work)

    def append(self, connection: sa.Connection, runs: Collection[WorkflowRun]) -> None:
        """Store what runs have decided, within a transaction; they hold it until that is committed."""
        mapper = self.tracker.mapper
        stored = [mapper.to_stored_event(event) for run in runs for event in run.pending_events]
        self._recorder.append(connection, stored)

    def committed(self, runs: Sequence[WorkflowRun]) -> None:
        """Remember runs whose decisions are stored now, and let the views follow; the runs are given away."""
        is_news = False
        for run in runs:
            is_news = bool(run.collect_events()) or is_news
            self.tracker.repository.remember(run)
        if is_news:
            self.tracker.let_follow()

    def load(self, run_id: Id) -> WorkflowRun:
        """Return a run as its events tell now; it is the caller's."""
        return self.tracker.take_newest(WorkflowRun, run_id)

    def _tried(self, engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
        with database_errors(self._url):
            self._make()
            end = time.monotonic() + _PATIENCE_S
            for attempt in range(_ATTEMPTS):
                try:
                    return self._once(engine, work)
                except IntegrityError as exc:
                    raise VersionTakenError from exc
                except OperationalError as exc:
                    if not _may_pass(exc) or attempt == _ATTEMPTS - 1 or time.monotonic() > end:
                        raise
                time.sleep(_PAUSE_S * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(self, engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
        # readers of a file need not wait for who writes
        turn = self._turn if engine is self._writing or in_memory(self._url) else nullcontext()
        with turn, engine.begin() as connection:
            return work(connection)

    def _make(self) -> None:
        if self._is_made:
            return
        with self._making:
            if not self._is_made:
                ensure_schema(self._engine, self._url)
                self._is_made = True


def _may_pass(error: OperationalError) -> bool:
    """Say whether others were in the way; a connection that broke is told to the caller instead."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return getattr(error.orig, "sqlstate", None) in _PASSING
