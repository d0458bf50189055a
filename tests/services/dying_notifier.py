"""A program that tells what is to be told, and may be killed on the way."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

from biomero.adapters.notify import WebhookNotifier
from biomero.adapters.persistence import event_store
from biomero.adapters.persistence.outbox import SqlOutbox
from biomero.adapters.system import SystemClock
from biomero.application.event_log import EventLog
from biomero.application.notify import Notifications
from biomero.application.ports.notifier import Notice
from biomero.application.run_record import RunRecord
from biomero.application.settings import AnalyticsSettings, WebhookSettings
from biomero.application.tracking import WorkflowTracker
from biomero.bootstrap import open_tracking
from biomero.domain.run_status import RunStatus


class Dying:
    """A webhook whose process dies before or after it is called."""

    def __init__(self, url: str, when: str) -> None:
        self._way = WebhookNotifier(WebhookSettings(url=url))
        self._when = when

    def send(self, notice: Notice) -> None:
        if self._when == "before sending":
            os.kill(os.getpid(), signal.SIGKILL)
        self._way.send(notice)
        if self._when == "after sending":
            os.kill(os.getpid(), signal.SIGKILL)


class Ahead(SystemClock):
    """A clock that is some seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self._ahead


def main(address: str, folder: str, url: str, when: str, ahead_s: str) -> None:
    tracking = open_tracking(AnalyticsSettings(database_url=address), Path(folder), follow_every_s=0)
    tracker = tracking.tracker
    assert isinstance(tracker, WorkflowTracker)
    assert isinstance(tracker.factory, event_store.Factory)
    Notifications(
        events=EventLog(tracker),
        record=RunRecord(tracker),
        outbox=SqlOutbox(tracker.factory),
        channels={"webhook": Dying(url, when)},
        wanted=frozenset(RunStatus),
        clock=Ahead(float(ahead_s)),
    ).run_once()
    tracking.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
