"""Notices go out once, whatever dies in between; on both databases."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from biomero.adapters.persistence import event_store
from biomero.adapters.persistence.event_recorder import EventRecorder
from biomero.adapters.persistence.outbox import SqlOutbox
from biomero.adapters.persistence.outbox_tables import NOTICES
from biomero.application.event_log import EventLog
from biomero.application.notify import Notifications, Outcome
from biomero.application.ports.notifier import Notice, Notifier
from biomero.application.run_record import RunRecord
from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking import WorkflowTracker
from biomero.bootstrap import open_tracking
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.entrypoints.worker.metrics import WorkerMetrics
from biomero.errors import NotificationFailedError, NotificationRefusedError
from services.clocks import Later
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


class Slow(Listed):
    """A way that takes as long as somebody wants."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.may_end = threading.Event(), threading.Event()

    def send(self, notice: Notice) -> None:
        self.began.set()
        assert self.may_end.wait(60)
        super().send(notice)


@contextmanager
def opened(address: str, folder: Path) -> Iterator[WorkflowTracker]:
    tracking = open_tracking(AnalyticsSettings(database_url=address), folder, follow_every_s=0)
    assert isinstance(tracking.tracker, WorkflowTracker)
    yield tracking.tracker
    tracking.close()


@pytest.fixture
def tracker(address: str, tmp_path: Path) -> Iterator[WorkflowTracker]:
    with opened(address, tmp_path) as tracker:
        yield tracker


@pytest.fixture
def other_tracker(address: str, tmp_path: Path) -> Iterator[WorkflowTracker]:
    """Return the same record, as another process has it."""
    with opened(address, tmp_path) as tracker:
        yield tracker


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


def test_what_was_noted_before_the_clock_was_set_back_is_told_at_once(
    tracker: WorkflowTracker, clock: Later
) -> None:
    hook = Listed()
    told = notifications(tracker, clock, hook=hook)
    told.run_once()
    RunRecord(tracker).change(run_of(tracker), lambda run: run.pause(FAILURE))
    clock.sleep(-86_400)
    assert [told.run_once(), told.run_once()] == [1, 0]
    assert [notice.status for notice in hook.sent] == ["paused"]


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


def test_of_two_who_send_at_once_each_notice_is_sent_by_one(
    tracker: WorkflowTracker, other_tracker: WorkflowTracker, clock: Later
) -> None:
    slow, quick = Slow(), Listed()
    first = notifications(tracker, clock, mail=slow)
    first.run_once()
    record = RunRecord(tracker)
    for _ in range(3):
        record.change(run_of(tracker), WorkflowRun.complete)
    clock.sleep(1)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(first.run_once)
        assert slow.began.wait(60)
        # it is believed to be dead, and another one leads
        assert notifications(other_tracker, clock, mail=quick).run_once() == 2
        slow.may_end.set()
        assert sent.result(60) == 1
    assert len({notice.id for notice in [*slow.sent, *quick.sent]}) == 3
    clock.sleep(3600)
    assert first.run_once() == 0


def test_who_took_too_long_changes_nothing_for_the_next(
    tracker: WorkflowTracker, other_tracker: WorkflowTracker, clock: Later
) -> None:
    slow, quick = Slow(), Slow()
    slow.error = NotificationRefusedError("never")
    first, second = (notifications(t, clock, mail=w) for t, w in [(tracker, slow), (other_tracker, quick)])
    first.run_once()
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    clock.sleep(1)
    with ThreadPoolExecutor(2) as pool:
        refused = pool.submit(first.run_once)
        assert slow.began.wait(60)
        clock.sleep(3600)
        sent = pool.submit(second.run_once)
        assert quick.began.wait(60)
        slow.may_end.set()
        assert refused.result(60) == 0
        quick.error = NotificationFailedError("not now")
        quick.may_end.set()
        assert sent.result(60) == 0
    clock.sleep(3600)
    quick.error = None
    assert second.run_once() == 1


def test_who_may_not_go_on_sends_nothing_more(tracker: WorkflowTracker, clock: Later) -> None:
    mail = Listed()
    told = notifications(tracker, clock, mail=mail)
    told.run_once()
    for _ in range(3):
        RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    clock.sleep(1)
    assert told.run_once(may_go_on=lambda: len(mail.sent) < 2) == 2
    assert told.run_once() == 1


def test_what_becomes_of_each_notice_is_counted(tracker: WorkflowTracker, clock: Later) -> None:
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    mail, hook, gone = Listed(), Listed(), Listed()
    notifications(tracker, clock).run_once()
    hook.error = NotificationRefusedError("never")
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    clock.sleep(1)
    notifications(tracker, clock, mail=mail, hook=hook, gone=gone).run_once(may_go_on=lambda: False)
    mail.error = NotificationFailedError("not now")
    told = notifications(tracker, clock, mail=mail, hook=hook)
    told.run_once(on_outcome=metrics.note_notice)
    mail.error = None
    clock.sleep(60)
    told.run_once(on_outcome=metrics.note_notice)
    counts = {
        o.value: registry.get_sample_value("biomero_notices_total", {"outcome": o.value}) for o in Outcome
    }
    assert counts == {"sent": 1, "tried again later": 1, "refused": 1, "given up": 1}


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


@pytest.mark.slow
@pytest.mark.parametrize("dies", ["before sending", "after sending"])
def test_a_process_that_dies_sends_again_under_the_same_id(
    tracker: WorkflowTracker, address: str, tmp_path: Path, clock: Later, dies: str
) -> None:
    notifications(tracker, clock).run_once()
    RunRecord(tracker).change(run_of(tracker), WorkflowRun.complete)
    with web_hook(Hook()) as hook:

        def notify(when: str, *, ahead_s: int = 0) -> int:
            words = [sys.executable, str(DIES), address, str(tmp_path), hook.url, when, str(ahead_s)]
            return subprocess.run(words, check=False, timeout=120).returncode

        assert notify(dies) == -9
        before = len(hook.calls)
        assert notify("never") == 0
        assert len(hook.calls) == before  # it may still be at it
        assert notify("never", ahead_s=3600) == 0
        assert notify("never", ahead_s=7200) == 0
    ids = [json.loads(body)["id"] for _, body in hook.calls]
    assert len(ids) == (2 if dies == "after sending" else 1)
    assert len(set(ids)) == 1
