"""A database that stops, cuts connections or freezes while runs are recorded: nothing lost, nothing twice."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from biomero.adapters.persistence.database_url import read_url
from biomero.adapters.persistence.engine import database_errors, make_engine
from biomero.adapters.persistence.patient_connection import PatientConnection
from biomero.application.ports.views import Table
from biomero.application.run_record import RunRecord
from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.bootstrap import open_tracking
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import DatabaseUnavailableError
from services.postgres import PostgresServer
from services.processes import wait_until
from services.views import all_rows, events, rows

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server of our own: nobody else's tests run on one that stops."""
    with tempfile.TemporaryDirectory(prefix="biomero-postgres-") as folder:
        made = PostgresServer(Path(folder))
        try:
            made.start()
            yield made
        finally:
            made.halt()


@pytest.fixture
def tracking(server: PostgresServer, tmp_path: Path) -> Iterator[Tracking]:
    """Return a tracker whose views follow in a thread, as in every process that people start."""
    opened = open_tracking(AnalyticsSettings(database_url=server.empty_database()), tmp_path)
    yield opened
    server.thaw()
    opened.close()


@pytest.fixture
def tracker(tracking: Tracking) -> WorkflowTracker:
    assert isinstance(tracking.tracker, WorkflowTracker)
    return tracking.tracker


def check_views(tracking: Tracking) -> None:
    """See that views follow again by themselves, and come to what a rebuild makes."""
    tracker = tracking.tracker
    assert isinstance(tracker, WorkflowTracker)
    head = tracker.recorder.max_notification_id()

    def are_level() -> bool:
        return tracking.workflow_progress.recorder.max_tracking_id("WorkflowTracker") == head

    wait_until(are_level, "the views follow")
    live = all_rows(tracking)
    tracking.rebuild()
    assert all_rows(tracking) == live


@contextmanager
def cutting_connections(server: PostgresServer) -> Iterator[list[float]]:
    """Cut all connections to a server again and again; what is given back grows with every cut."""
    stop, cuts = threading.Event(), list[float]()

    def cut() -> None:
        while not stop.wait(0.01):
            server.cut_connections()
            cuts.append(time.monotonic())

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        yield cuts
    finally:
        stop.set()
        cutter.join()


def test_calls_are_refused_while_the_server_is_stopped_and_go_on_afterwards(
    server: PostgresServer, tracking: Tracking, tracker: WorkflowTracker
) -> None:
    record = RunRecord(tracker)
    run_id = tracker.initiate_workflow("n", "d", 1, 2)
    task_id = tracker.add_task_to_workflow(run_id, "cellpose", "1", "x", {})
    mine = record.start(name="n", description="d", request={"images": []})
    server.halt()
    calls = (
        lambda: tracker.initiate_workflow("late", "d", 1, 2),
        lambda: tracker.add_task_to_workflow(run_id, "late", "1", "x", {}),
        lambda: tracker.update_task_status(task_id, "RUNNING"),
        lambda: tracker.complete_workflow(run_id),
        lambda: tracker.load(WorkflowRun, run_id),
        lambda: record.change(mine, WorkflowRun.complete),
        lambda: record.get(mine),
        record.ids,
        tracking.catch_up,
        tracking.job_accounting.get_jobs,
    )
    for call in calls:
        with pytest.raises(DatabaseUnavailableError) as caught:
            call()
        assert caught.value.transient
        assert server.password not in str(caught.value)
    server.resume()
    # nothing was kept to be written later
    assert events(tracker).count("WorkflowInitiated") == 2
    tracker.update_task_status(task_id, "RUNNING")
    tracker.complete_task(task_id, "ok")
    tracker.complete_workflow(run_id)
    record.change(mine, WorkflowRun.complete)
    assert events(tracker).count("StatusUpdated") == 1
    check_views(tracking)
    assert [row["status"] for row in rows(tracking, Table.RUNS)] == ["done", "done"]


def test_connections_that_are_cut_all_the_time_lose_and_double_nothing(
    server: PostgresServer, tracking: Tracking, tracker: WorkflowTracker
) -> None:
    run_id = tracker.initiate_workflow("n", "d", 1, 2)
    runs, tasks, refused = [run_id], list[UUID](), 0
    with cutting_connections(server) as cuts:
        while len(cuts) < 100 or len(tasks) <= 50:
            try:
                runs.append(tracker.initiate_workflow("n", "d", 1, 2))
                tasks.append(tracker.add_task_to_workflow(run_id, "cellpose", "1", "x", {}))
                tracker.add_result(tasks[-1], None)
            except DatabaseUnavailableError:
                refused += 1
    # a connection that was used within the last second is not asked whether it still stands
    wait_until(lambda: time.monotonic() - cuts[-1] > 1.0, "connections are asked again")
    run = tracker.load(WorkflowRun, run_id)
    told = Counter(events(tracker))
    # what was acknowledged is there once; what was refused is there at most once
    assert set(tasks) <= set(run.tasks)
    assert len(run.tasks) == len(set(run.tasks)) == told["TaskCreated"] == told["TaskAdded"]
    assert set(runs) <= {row["run_id"] for row in _level(tracking)}
    for name, acknowledged in (("WorkflowInitiated", runs), ("TaskCreated", tasks)):
        assert len(acknowledged) <= told[name] <= len(acknowledged) + refused
    for task_id in tasks:
        assert len(tracker.load(Task, task_id).results) <= 1
    check_views(tracking)


def test_a_call_right_after_all_connections_were_cut_once_ends_well(
    server: PostgresServer, tracking: Tracking, tracker: WorkflowTracker
) -> None:
    run_id = tracker.initiate_workflow("n", "d", 1, 2)
    for status in ("PENDING", "RUNNING", "COMPLETED"):
        task_id = tracker.add_task_to_workflow(run_id, "cellpose", "1", "x", {})
        tracking.catch_up()  # there are connections of several kinds, all used just now
        server.cut_connections()
        tracker.update_task_status(task_id, status)
        assert tracker.load(Task, task_id).status == status
    assert events(tracker).count("StatusUpdated") == 3
    check_views(tracking)


def test_a_connection_that_is_cut_as_soon_as_it_is_made_is_an_outage(server: PostgresServer) -> None:
    url = read_url(server.url("postgres"))
    engine = make_engine(url)

    def use() -> None:
        with database_errors(url), engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))

    use()
    sa.event.listen(engine, "connect", lambda *_: server.cut_connections())
    server.cut_connections()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError):
            use()
    engine.dispose()


def _level(tracking: Tracking) -> list[dict[str, Any]]:
    tracking.catch_up()
    return rows(tracking, Table.RUNS)


def test_a_server_that_freezes_holds_calls_up_and_loses_nothing(
    server: PostgresServer, tracking: Tracking, tracker: WorkflowTracker
) -> None:
    run_id = tracker.initiate_workflow("n", "d", 1, 2)
    server.freeze()
    done = threading.Event()

    def call() -> None:
        tracker.complete_workflow(run_id)
        done.set()

    caller = threading.Thread(target=call)
    caller.start()
    assert not done.wait(0.5)  # it waits for the answer
    server.thaw()
    caller.join(timeout=60)
    assert done.is_set()
    assert tracker.load(WorkflowRun, run_id).status.is_success
    assert events(tracker).count("WorkflowCompleted") == 1
    check_views(tracking)


def test_who_waits_for_a_frozen_server_gives_up_in_the_end_and_uses_it_again(
    server: PostgresServer, tracking: Tracking
) -> None:
    assert PatientConnection.answer_within_s >= 60
    tracking.catch_up()
    url = read_url(server.url("postgres"))
    engine = make_engine(url)
    question = sa.text("SELECT pg_sleep(0)")

    @sa.event.listens_for(engine, "connect")
    def lose_patience(connection: PatientConnection, _record: object) -> None:
        connection.answer_within_s = 1.0

    with database_errors(url), engine.connect() as connection:
        connection.execute(question)
        server.freeze()
        with pytest.raises(DatabaseUnavailableError, match="no answer within 1 s"), database_errors(url):
            connection.execute(question)
    server.thaw()
    began = time.monotonic()
    with engine.connect() as connection:
        assert time.monotonic() - began < 60
        connection.execute(question)
    engine.dispose()
