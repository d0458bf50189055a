"""What every projection is: a name, its tables, and one step from an event to rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID, uuid5

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Key, Row, Rows, Table

NO_USER = -1
"""The user and group of runs that nobody in OMERO asked for, where a column cannot be empty."""


class Projection(Protocol):
    """Turns events into the rows of one view.

    What it needs from earlier events it reads from rows: its own, or those of `KnownFacts`, which is told
    of every event first. So a process may stop anywhere, and another go on.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[Table, ...]]
    topics: ClassVar[tuple[type[DomainEvent], ...]]

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401 - one of `topics`
        """Write down what an event means for the view.

        Parameters
        ----------
        position
            The event's place in the record.
        """
        ...


def moment(event: DomainEvent) -> datetime:
    """Return when an event happened, as tables hold it."""
    return event.timestamp.astimezone(UTC).replace(tzinfo=None)


def job_task_id(run_id: UUID, key: str) -> UUID:
    """Return the id under which a job of our engine stands among the tasks."""
    return uuid5(run_id, key)


def update(rows: Rows, table: Table, key: Key, **columns: Any) -> None:  # noqa: ANN401 - a column's own
    """Change columns of a row that is there; where it is not, there is nothing to be said."""
    row: Row | None = rows.get(table, key)
    if row is not None:
        rows.put(table, key, {**row, **columns})
