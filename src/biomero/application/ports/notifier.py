"""Telling people, away from any terminal, what became of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What there is to tell, once.

    Parameters
    ----------
    id
        Of run, status and the version of the run that had it; the same whenever it is sent.
    facts
        Plain values, as the receiver gets them.
    """

    id: str
    run_id: str
    status: str
    at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingNotice:
    """A notice that has to go one way yet.

    Parameters
    ----------
    channel
        The way: a name of a `Notifier`.
    attempts
        How often somebody began to send it.
    """

    notice: Notice
    channel: str
    attempts: int = 0


class Notifier(Protocol):
    """Sends notices one way, such as by e-mail."""

    def send(self, notice: Notice) -> None:
        """Send a notice; on return its receiver has it.

        Sent twice, the second is marked as the same as the first (its `Notice.id`), for receivers that care.

        Raises
        ------
        NotificationFailedError
            If a later try may get through. The receiver may have it all the same.
        NotificationRefusedError
            If the same would be refused again.
        """
        ...


class Outbox(Protocol):
    """Remembers what people are to be told, so that a process may die at any moment.

    What was sent or given up is forgotten after thirty days. Every method raises `RecordError` if the
    database does not do its part.
    """

    def position(self) -> int | None:
        """Return up to which event of the record notices were made; ``None`` before the first."""
        ...

    def intend(self, notices: Sequence[PendingNotice], *, position: int) -> None:
        """Store notices and how far the record was read, in one transaction; what is known stays as it is."""
        ...

    def due(self, now: datetime, *, limit: int) -> list[PendingNotice]:
        """Return notices to send now, oldest first."""
        ...

    def take(self, pending: PendingNotice, now: datetime, until: datetime) -> bool:
        """Take a notice that is due, so that nobody else sends it before a moment.

        Of several who try at once one succeeds. Who fails must not send: another is at it, or has done it.
        """
        ...

    def sent(self, pending: PendingNotice, now: datetime) -> None:
        """Record that a notice has arrived."""
        ...

    def later(self, pending: PendingNotice, due: datetime, why: str) -> None:
        """Record that a notice that was taken did not get through, and when it is tried again.

        Nothing changes if somebody else has taken it since.
        """
        ...

    def give_up(self, pending: PendingNotice, now: datetime, why: str) -> None:
        """Record that a notice that was taken will not be sent; as with `later` for somebody else's."""
        ...
