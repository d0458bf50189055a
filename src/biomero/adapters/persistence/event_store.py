"""Where eventsourcing keeps events and snapshots, on connections of ours.

This module's name is what ``PERSISTENCE_MODULE`` is set to; eventsourcing looks for the one factory here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactory,
    PersistenceError,
    ProcessRecorder,
    TrackingRecorder,
)
from eventsourcing.utils import Environment
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from biomero.adapters.persistence.database_url import read_url
from biomero.adapters.persistence.engine import database_errors, make_engine
from biomero.adapters.persistence.event_recorder import EventRecorder, events_table
from biomero.adapters.persistence.snapshot_recorder import SnapshotRecorder

_ATTEMPTS = 5
_NO_TRACKING = "views keep their own positions, with their rows"
T = TypeVar("T")


class Factory(InfrastructureFactory[TrackingRecorder]):
    """Makes the recorders of one application, all on one engine.

    Nothing in the process's environment chooses another database.
    """

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.url = read_url(env.get("SQLALCHEMY_URL") or "")
        self.engine: Engine = make_engine(self.url)

    def application_recorder(self) -> EventRecorder:
        """Return the recorder of the application's events; its table is made if it is missing."""
        recorder = EventRecorder(self.engine, events_table(f"{self.env.name.lower()}_events"))
        with database_errors(self.url):
            made_once(recorder.create_table)
        return recorder

    def aggregate_recorder(self, purpose: str = "snapshots") -> AggregateRecorder:
        """Return the recorder of snapshots; its table is made when the first is taken."""
        if purpose != "snapshots":
            raise NotImplementedError(f"only snapshots are kept beside events, not {purpose}")
        return SnapshotRecorder(self.engine)

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> TrackingRecorder:  # noqa: ANN401 - a type of the library's
        """Refuse: views keep their own positions."""
        raise NotImplementedError(_NO_TRACKING)

    def process_recorder(self) -> ProcessRecorder:
        """Refuse: views keep their own positions."""
        raise NotImplementedError(_NO_TRACKING)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def made_once(make: Callable[[], T]) -> T:
    """Make tables that another process may be making at this very moment."""
    for attempt in range(_ATTEMPTS):
        try:
            return make()
        except (PersistenceError, DBAPIError) as error:
            # PostgreSQL and SQLite both refuse the slower one, by error classes that also mean other
            # things; next time the tables are there
            if attempt == _ATTEMPTS - 1 or not any(words in str(error) for words in ("exists", "locked")):
                raise
            time.sleep(0.1 * (attempt + 1))
    raise AssertionError("unreachable: the last attempt returns or raises")
