"""Use case: tell people how runs end, exactly once as far as can be had.

What is to be told is stored before anything is sent; who sends a notice takes it first, and stores after that
it was sent. Of a process that dies in between, or takes longer than anybody should, the notice is sent again
by another one, under the same id; a receiver can tell.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from biomero.application.event_log import EventLog, LoggedEvent
from biomero.application.ports.clock import Clock
from biomero.application.ports.notifier import Notice, Notifier, Outbox, PendingNotice
from biomero.application.run_record import RunRecord
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import BiomeroError, NotificationError

_STATUSES: Mapping[type, RunStatus] = {
    WorkflowRun.WorkflowCompleted: RunStatus.DONE,
    WorkflowRun.WorkflowFailed: RunStatus.FAILED,
    WorkflowRun.RunPaused: RunStatus.PAUSED,
}
_TOPICS = tuple(kind.TOPIC for kind in _STATUSES)  # type: ignore[attr-defined] # all three have one

_TOO_OLD = timedelta(days=1)
"""Nobody wants to hear on a Monday what was true on Saturday; and nothing is tried for longer."""

_FIRST_WAIT_S = 10.0
_LONGEST_WAIT_S = 3600.0
_AT_ONCE = 50
_TAKEN_FOR = timedelta(minutes=10)
"""A mail server may let us wait for half a minute with each of a dozen answers."""
_log = logging.getLogger(__name__)


class Outcome(enum.StrEnum):
    """What became of an attempt to tell somebody."""

    SENT = "sent"
    LATER = "tried again later"
    REFUSED = "refused"
    """The receiver would refuse the same again."""
    GIVEN_UP = "given up"
    """It is too old by now, or its way is not configured any more."""


class Notifications:
    """Follows the record and sends what people want to hear of.

    One process at a time should do this for a database, as more would only be in each other's way. Each
    notice is sent by one of them all the same.

    Parameters
    ----------
    channels
        The ways, by name; without any the record is followed all the same, so that turning one on
        tells of nothing old.
    wanted
        The statuses that are told.
    """

    def __init__(
        self,
        *,
        events: EventLog,
        record: RunRecord,
        outbox: Outbox,
        channels: Mapping[str, Notifier],
        wanted: frozenset[RunStatus],
        clock: Clock,
    ) -> None:
        self._events = events
        self._record = record
        self._outbox = outbox
        self._channels = channels
        self._wanted = wanted
        self._clock = clock

    def run_once(
        self,
        *,
        may_go_on: Callable[[], bool] = lambda: True,
        on_outcome: Callable[[Outcome], object] = lambda _outcome: None,
    ) -> int:
        """Note what is new, send what is due, and return how many notices were sent.

        Parameters
        ----------
        may_go_on
            Asked before each notice; says whether this process is still the one that sends.
        on_outcome
            Hears at once what became of each notice.

        Raises
        ------
        RecordError
            If the database does not do its part; calling again goes on.
        """
        self._note()
        sent = 0
        for pending in self._outbox.due(self._clock.now(), limit=_AT_ONCE):
            if not may_go_on():
                break
            now = self._clock.now()
            if self._outbox.take(pending, now, now + _TAKEN_FOR):
                outcome = self._send(pending)
                on_outcome(outcome)
                sent += outcome is Outcome.SENT
        return sent

    def _note(self) -> None:
        head = self._events.head()
        position = self._outbox.position()
        if position is None:  # what was before the first worker is history
            self._outbox.intend((), position=head)
            return
        while position < head:
            found, position = self._events.read(position, until=head, topics=_TOPICS)
            self._outbox.intend([p for logged in found for p in self._pending(logged)], position=position)

    def _pending(self, logged: LoggedEvent) -> list[PendingNotice]:
        event = logged.event
        status = _STATUSES[type(event)]
        is_old = event.timestamp < self._clock.now() - _TOO_OLD
        if status not in self._wanted or is_old or not self._channels:
            return []
        try:
            run = self._record.get(RunId(str(event.originator_id)), version=event.originator_version)
        except BiomeroError as exc:
            if exc.transient:
                raise
            _log.exception("nobody is told of run %s, which cannot be read", event.originator_id)
            return []
        except Exception:  # noqa: BLE001 - one odd run shall not keep others from being told of
            _log.exception("nobody is told of run %s, which cannot be read", event.originator_id)
            return []
        if not run.request:  # a script drives it, and tells its user itself
            return []
        notice = Notice(
            id=f"{run.run_id}-{status.value}-{event.originator_version}",
            run_id=run.run_id,
            status=status.value,
            at=event.timestamp,
            facts=_facts(run, status),
        )
        return [PendingNotice(notice=notice, channel=name) for name in self._channels]

    def _send(self, pending: PendingNotice) -> Outcome:
        channel, now = self._channels.get(pending.channel), self._clock.now()
        if channel is None:
            self._outbox.give_up(pending, now, "this way is not configured any more")
            return Outcome.GIVEN_UP
        if now - pending.notice.at >= _TOO_OLD:
            self._outbox.give_up(pending, now, "it is too old by now")
            return Outcome.GIVEN_UP
        fields = {"run": pending.notice.run_id, "channel": pending.channel}
        try:
            channel.send(pending.notice)
        except NotificationError as exc:
            now = self._clock.now()
            wait = timedelta(seconds=min(_FIRST_WAIT_S * 2**pending.attempts, _LONGEST_WAIT_S))
            if exc.transient and now + wait - pending.notice.at < _TOO_OLD:
                _log.warning("not told by %s, tried again later: %s", pending.channel, exc, extra=fields)
                self._outbox.later(pending, now + wait, str(exc))
                return Outcome.LATER
            _log.error("not told by %s: %s", pending.channel, exc, extra=fields)
            self._outbox.give_up(pending, now, str(exc))
            return Outcome.GIVEN_UP if exc.transient else Outcome.REFUSED
        self._outbox.sent(pending, self._clock.now())
        _log.info("told by %s: %s", pending.channel, pending.notice.status, extra=fields)
        return Outcome.SENT


def _facts(run: WorkflowRun, status: RunStatus) -> dict[str, Any]:
    request = run.request
    failure = run.failure or {}
    return {
        "run": run.run_id,
        "status": status.value,
        "workflow": run.name,
        "workflow_version": request.get("workflow_version", ""),
        "cluster": request.get("cluster") or "local",
        "user": request.get("requested_by", ""),
        "results": request.get("results", ""),
        "images": {"total": len(run.stages), "failed": len(run.image_failures)},
        "failure": {k: failure.get(k) for k in ("failure_class", "message", "advice")} if failure else None,
    }
