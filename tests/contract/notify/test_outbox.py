"""Notices go out once, whatever dies in between; on both databases."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from biomero.adapters.persistence import event_store
from biomero.adapters.persistence.event_recorder import EventRecorder
from biomero.adapters.persistence.outbox import SqlOutbox
from biomero.adapters.persistence.outbox_tables import NOTICES
from biomero.application.event_log import EventLog
from biomero.application.notify import Notifications
from biomero.application.ports.notifier import Notice, Notifier
from biomero.application.run_record import RunRecord
from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking import WorkflowTracker
from biomero.bootstrap import open_tracking
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import NotificationFailedError, NotificationRefusedError
from services.web_hook import Hook, web_hook

FAILURE = {"failure_class": "transfer", "message": "no space", "advice": "make some"}
ALL = frozenset({RunStatus.DONE, RunStatus.FAILED, RunStatus.PAUSED})
DIES = Path(__file__).parents[2] / "services" / "dying_notifier.py"


class Listed:
    """A way that ends in a list, and may be out of order."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self.error: Exception | None = None

    def send(self, notice: Notice) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(notice)


class Later:
    """A clock that goes on by hand, too."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def sleep(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@pytest.fixture
def tracker(address: str, tmp_path: Path) -> Iterator[WorkflowTracker]:
    tracking = open_tracking(AnalyticsSettings(database_url=address), tmp_path, follow_every_s=0)
    assert isinstance(tracking.tracker, WorkflowTracker)
    yield tracking.tracker
    tracking.close()


@pytest.fixture
def clock() -> Later:
    return Later()


def notifications(
    tracker: WorkflowTracker, clock: Later, wanted: frozenset[RunStatus] = ALL, **channels: Notifier
) -> Notifications:
    assert isinstance(tracker.factory, event_store.Factory)
    return Notifications(
        events=EventLog(tracker),
        record=RunRecord(tracker),
        outbox=SqlOutbox(tracker.factory),
        channels=channels,
        wanted=wanted,
        clock=clock,
    )


def run_of(tracker: WorkflowTracker) -> RunId:
    request = {
        "workflow": "nuclei@v1",
        "workflow_version": "v1",
        "requested_by": "ada",
        "results": "/r",
        "images": [],
    }
    return RunRecord(tracker).start(name="Nuclei", description="d", request=request)


def test_each_way_is_told_once_of_each_end_and_each_pause(tracker: WorkflowTracker, clock: Later) -> None:
    mail, hook = Listed(), Listed()
    told = notifications(tracker, clock, mail=mail, hook=hook)
    assert told.run_once() == 0
    record, run_id = RunRecord(tracker), run_of(tracker)
    record.change(run_id, lambda run: run.pause(FAILURE))
    assert told.run_once() == 2
    record.change(run_id, WorkflowRun.resume)
    record.change(run_id, lambda run: run.pause(FAILURE))
    record.change(run_id, WorkflowRun.resume)
    record.change(run_id, WorkflowRun.complete)
    assert told.run_once() == 4
    assert notifications(tracker, clock, mail=mail, hook=hook).run_once() == 0
    for way in (mail, hook):
        assert [n.status for n in way.sent] == ["paused", "paused", "done"]
        assert len({n.id for n in way.sent}) == 3
        # as it was then, though it has gone on since
        assert [n.facts["failure"] for n in way.sent] == [FAILURE, FAILURE, None]


def test_a_run_that_cannot_be_read_does_not_keep_others_from_being_told_of(
    tracker: WorkflowTracker, clock: Later
) -> None:
    assert isinstance(tracker.recorder, EventRecorder)
    assert isinstance(tracker.factory, event_store.Factory)
    mail = Listed()
    told = notifications(tracker, clock, mail=mail)
    told.run_once()
    record, odd, good = RunRecord(tracker), run_of(tracker), run_of(tracker)
    for run_id in (odd, good):
        record.change(run_id, WorkflowRun.complete)
    table = tracker.recorder.table
    of_odd = (table.c.originator_id == UUID(odd), table.c.topic == WorkflowRun.RunRequested.TOPIC)
    with tracker.factory.engine.begin() as connection:
        connection.execute(sa.update(table).where(*of_odd).values(state=b"{}"))
    assert told.run_once() == 1
    assert [notice.run_id for notice in mail.sent] == [good]


def test_what_was_before_the_first_worker_is_not_told(tracker: WorkflowTracker, clock: Later) -> None:
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    way = Listed()
    assert notifications(tracker, clock, way=way).run_once() == 0
    assert notifications(tracker, clock, way=way).run_once() == 0


def test_what_was_while_there_was_no_way_or_long_ago_is_not_told(
    tracker: WorkflowTracker, clock: Later
) -> None:
    notifications(tracker, clock).run_once()
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    notifications(tracker, clock).run_once()
    way = Listed()
    assert notifications(tracker, clock, way=way).run_once() == 0
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    clock.sleep(2 * 86400)
    assert notifications(tracker, clock, way=way).run_once() == 0


def test_only_what_is_wanted_is_told_and_never_of_runs_that_scripts_drive(
    tracker: WorkflowTracker, clock: Later
) -> None:
    way = Listed()
    told = notifications(tracker, clock, frozenset({RunStatus.FAILED}), way=way)
    told.run_once()
    tracker.fail_workflow(tracker.initiate_workflow("a script's", "d", 1, 1), "oh")
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    RunRecord(tracker).change(run_of(tracker), lambda run: run.fail(FAILURE))
    assert told.run_once() == 1
    assert way.sent[0].facts["failure"] == FAILURE


def test_what_does_not_get_through_is_tried_again_and_the_others_are_told(
    tracker: WorkflowTracker, clock: Later
) -> None:
    good, bad = Listed(), Listed()
    told = notifications(tracker, clock, good=good, bad=bad)
    told.run_once()
    bad.error = NotificationFailedError("no way")
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    clock.sleep(1)
    assert told.run_once() == 1
    assert told.run_once() == 0
    bad.error = None
    clock.sleep(15)
    assert told.run_once() == 1
    assert [n.id for n in good.sent] == [n.id for n in bad.sent]


def test_what_is_refused_or_old_is_given_up(tracker: WorkflowTracker, clock: Later) -> None:
    refused, away = Listed(), Listed()
    refused.error = NotificationRefusedError("never")
    away.error = NotificationFailedError("not now")
    told = notifications(tracker, clock, refused=refused, away=away)
    told.run_once()
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    for _ in range(60):
        told.run_once()
        clock.sleep(3600)
    refused.error = away.error = None
    assert told.run_once() == 0


def test_what_was_settled_long_ago_is_forgotten(tracker: WorkflowTracker, clock: Later) -> None:
    way = Listed()
    told = notifications(tracker, clock, way=way)
    told.run_once()
    settled, waiting = run_of(tracker), run_of(tracker)
    RunRecord(tracker).change(settled, WorkflowRun.complete)
    assert told.run_once() == 1
    way.error = NotificationFailedError("not now")
    RunRecord(tracker).change(waiting, WorkflowRun.complete)
    told.run_once()
    assert kept(tracker) == {settled, waiting}
    clock.sleep(31 * 86_400)
    told.run_once()
    assert kept(tracker) == {waiting}  # it was given up just now


def kept(tracker: WorkflowTracker) -> set[str]:
    """Return the runs of all notices that are stored."""
    assert isinstance(tracker.factory, event_store.Factory)
    with tracker.factory.engine.connect() as connection:
        return set(connection.execute(sa.select(NOTICES.c.run_id)).scalars())


@pytest.mark.parametrize("dies", ["before sending", "after sending"])
def test_a_process_that_dies_sends_again_under_the_same_id(
    tracker: WorkflowTracker, address: str, tmp_path: Path, clock: Later, dies: str
) -> None:
    notifications(tracker, clock).run_once()
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    with web_hook(Hook()) as hook:

        def notify(when: str) -> int:
            words = [sys.executable, str(DIES), address, str(tmp_path), hook.url, when]
            return subprocess.run(words, check=False, timeout=120).returncode

        assert notify(dies) == -9
        assert notify("never") == 0
        assert notify("never") == 0
    ids = [json.loads(body)["id"] for _, body in hook.calls]
    assert len(ids) == (2 if dies == "after sending" else 1)
    assert len(set(ids)) == 1
