"""The record's events in the order in which they were recorded, for those who follow them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification

from biomero.application.tracking import WorkflowTracker, record_errors

BATCH = 500
"""How many events are read, and projected, at once."""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event and its position."""

    position: int
    event: Any


class EventLog:
    """Reads a tracker's events; every call raises `RecordError` if the database does not do its part."""

    def __init__(self, tracker: WorkflowTracker) -> None:
        self._tracker = tracker

    def head(self) -> int:
        """Return the position of the newest event; 0 where there is none."""
        with record_errors():
            return self._tracker.recorder.max_notification_id() or 0

    def read(
        self,
        after: int,
        *,
        until: int,
        topics: Sequence[str],
        of: Container[UUID] | None = None,
    ) -> tuple[list[LoggedEvent], int]:
        """Return the next events of some topics, and the position up to which that is all of them.

        Parameters
        ----------
        until
            The last position to look at.
        of
            The runs and tasks that are asked for; all of them if not given.
        """
        found = self._select(after, until, topics)
        seen = found[-1].id if len(found) == BATCH else until
        wanted = (n for n in found if of is None or n.originator_id in of)
        with record_errors():
            return [LoggedEvent(n.id, self._tracker.mapper.to_domain_event(n)) for n in wanted], seen

    def originators(self, after: int, *, until: int) -> set[UUID]:
        """Return the runs and tasks to which something happened after a position."""
        found: set[UUID] = set()
        while after < until:
            some = self._select(after, until, ())
            found.update(UUID(str(n.originator_id)) for n in some)
            after = some[-1].id if len(some) == BATCH else until
        return found

    def position_at(self, moment: datetime) -> int:
        """Return the position of the last event before a moment, by halving: positions follow the clock."""
        low, high = 0, self.head()
        while low < high:
            middle = (low + high) // 2
            notification = next(iter(self._select(middle, high, (), limit=1)), None)
            if notification is None:
                high = middle
                continue
            with record_errors():
                event = self._tracker.mapper.to_domain_event(notification)
            if event.timestamp < moment:  # type: ignore[attr-defined] # all events of ours have one
                low = notification.id
            else:
                high = middle
        return low

    def _select(
        self, after: int, until: int, topics: Sequence[str], *, limit: int = BATCH
    ) -> Sequence[Notification]:
        with record_errors():
            return self._tracker.recorder.select_notifications(
                after, limit, stop=until, topics=topics, inclusive_of_start=False
            )

    def all_of(
        self, topics: Sequence[str], *, until: int, after: int = 0, of: Container[UUID] | None = None
    ) -> Iterator[LoggedEvent]:
        """Yield every event of some topics, behind a position and up to another."""
        while after < until:
            events, after = self.read(after, until=until, topics=topics, of=of)
            yield from events
