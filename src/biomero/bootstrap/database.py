"""Settings to the database itself, and to what it says of costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from biomero.application.event_log import EventLog
from biomero.application.ports.accounting import AccountingQuestions
from biomero.application.ports.database import DatabaseSchema
from biomero.application.settings import (
    Settings,
)
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.bootstrap.record import database_url, open_tracking


class Database:
    """The database of runs: its tables, and when wanted, what it holds."""

    def __init__(self, settings: Settings) -> None:
        from biomero.adapters.persistence.schema import SqlSchema

        # our own runs are there also where scripts do not track theirs
        self._analytics = replace(settings.analytics, track_workflows=True)
        self._state_folder = settings.state_folder
        self._tracking: Tracking | None = None
        self.schema: DatabaseSchema = SqlSchema(database_url(self._analytics, self._state_folder))

    def tracking(self) -> Tracking:
        """Open the record and its views."""
        if self._tracking is None:
            self._tracking = open_tracking(self._analytics, self._state_folder)
        return self._tracking

    def head(self) -> int:
        """Return the position of the newest event."""
        tracker = self.tracking().tracker
        assert isinstance(tracker, WorkflowTracker)  # noqa: S101 - tells the type checker
        return EventLog(tracker).head()

    def close(self) -> None:
        """Close all connections."""
        if self._tracking is not None:
            self._tracking.close()
        self.schema.close()


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the database of runs to look after it; nothing is made before it is wanted."""
    database = Database(settings)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def open_accounting(settings: Settings) -> Iterator[AccountingQuestions]:
    """Open what says what runs and jobs cost, up to date; closed at the end of the block.

    Raises
    ------
    RecordError
        If the database does not do its part.
    """
    from biomero.adapters.persistence import event_store
    from biomero.adapters.persistence.accounting import SqlAccounting

    # what our own runs recorded is there also where scripts do not track theirs
    analytics = replace(settings.analytics, track_workflows=True)
    tracking = open_tracking(analytics, settings.state_folder)
    assert isinstance(tracking.tracker, WorkflowTracker)  # noqa: S101 - tells the type checker
    assert isinstance(tracking.tracker.factory, event_store.Factory)  # noqa: S101 - likewise
    try:
        tracking.catch_up()
        yield SqlAccounting(tracking.tracker.factory)
    finally:
        tracking.close()
