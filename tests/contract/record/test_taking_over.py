"""One process leads the views; another goes on when it dies, and runs go on while views are made anew."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, cast

from eventsourcing.utils import Environment

from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.view_rows import SqlRows
from biomero.adapters.persistence.view_store import SqlViewStore
from biomero.application.event_log import EventLog
from biomero.application.follow_record import RecordFollower
from biomero.application.ports.views import Table, ViewStore
from biomero.application.projections.runs import RunsProjection
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from services.views import all_rows, rows

Opener = Callable[..., Tracking]

LEAD = """
import sys, time
from biomero.adapters.persistence.database_url import read_url
from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.view_store import SqlViewStore
from eventsourcing.utils import Environment
factory = Factory(Environment("WorkflowTracker", {"SQLALCHEMY_URL": sys.stdin.readline().strip()}))
with SqlViewStore(factory).transaction():
    print("leads", flush=True)
    sys.stdin.readline()
"""


def test_when_the_leader_dies_another_goes_on_within_seconds(address: str, opened: Opener) -> None:
    follower = opened()
    follower.catch_up()
    tracker = follower.tracker
    assert isinstance(tracker, WorkflowTracker)
    with subprocess.Popen(
        [sys.executable, "-c", LEAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as leader:
        assert leader.stdin is not None
        assert leader.stdout is not None
        leader.stdin.write(address + "\n")  # not as an argument: it holds a password
        leader.stdin.flush()
        assert leader.stdout.readline() == "leads\n"
        taken = threading.Event()

        def follow() -> None:
            tracker.initiate_workflow("n", "d", 3, 4)
            follower.catch_up()
            taken.set()

        thread = threading.Thread(target=follow)
        thread.start()
        assert not taken.wait(0.5)  # one at a time
        leader.kill()
        leader.wait()
        assert taken.wait(9)  # before waiting for the leader is given up
        thread.join()
    assert len(rows(follower, Table.RUNS)) == 1


class StoreOfOthersToo:
    """A store of views; just before somebody changes them, others do."""

    def __init__(self, store: SqlViewStore, others: Callable[[], None]) -> None:
        self._store = store
        self._others = others

    def transaction(self) -> AbstractContextManager[SqlRows]:
        self._others()
        return self._store.transaction()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_views_that_are_made_anew_have_what_others_wrote_into_them_meanwhile(
    address: str, opened: Opener
) -> None:
    tracking = opened()
    tracker = tracking.tracker
    assert isinstance(tracker, WorkflowTracker)
    run_id = tracker.initiate_workflow("n", "d", 3, 4)
    tracking.catch_up()
    seen: list[list[str]] = []

    def others() -> None:
        if not seen:  # while the views are folded, not while the rest is caught up with
            tracker.complete_workflow(run_id)
            tracking.catch_up()
        seen.append([row["status"] for row in rows(tracking, Table.RUNS)])

    factory = Factory(Environment("WorkflowTracker", {"SQLALCHEMY_URL": address}))
    store = StoreOfOthersToo(SqlViewStore(factory), others)
    try:
        RecordFollower(EventLog(tracker), cast("ViewStore", store), [RunsProjection()]).rebuild()
    finally:
        factory.close()
    seen.append([row["status"] for row in rows(tracking, Table.RUNS)])
    assert seen == [["done"]] * len(seen)


def test_runs_are_recorded_and_followed_while_views_are_made_anew_again_and_again(opened: Opener) -> None:
    writing, rebuilding = opened(), opened()
    tracker = writing.tracker
    assert isinstance(tracker, WorkflowTracker)
    problems: list[BaseException] = []
    stop = threading.Event()

    def rebuild() -> None:
        try:
            while not stop.is_set():
                rebuilding.rebuild()
        except BaseException as exc:  # noqa: BLE001 - told by the test's own thread
            problems.append(exc)

    thread = threading.Thread(target=rebuild)
    thread.start()
    try:
        for number in range(1, 21):
            run_id = tracker.initiate_workflow("n", "d", 3, 4)
            task_id = tracker.add_task_to_workflow(run_id, "cellpose", "1", "x", {})
            tracker.add_job_id(task_id, number)
            tracker.complete_task(task_id, "ok")
            tracker.complete_workflow(run_id)
            writing.catch_up()
            # never gone, and never fewer than were there
            assert [row["status"] for row in rows(writing, Table.RUNS)].count("done") == number
    finally:
        stop.set()
        thread.join()
    assert problems == []
    live = all_rows(writing)
    writing.rebuild()
    assert all_rows(writing) == live
