"""What recording costs, beside BIOMERO 2.8.3 on the same databases, and what a long record costs.

Starts a PostgreSQL server of its own (root), installs BIOMERO 2.8.3 apart, and prints one table::

    python benchmarks/record.py [EVENTS]

With 0 events, no long record is made.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch
from uuid import UUID, uuid4

import psycopg
import sqlalchemy as sa

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from eventsourcing.persistence import ApplicationRecorder  # noqa: E402 - after the path above

from biomero.application.settings import AnalyticsSettings  # noqa: E402
from biomero.application.tracking import WorkflowTracker  # noqa: E402
from biomero.application.tracking_services import Tracking  # noqa: E402
from biomero.bootstrap import open_tracking  # noqa: E402
from biomero.domain.task import Task  # noqa: E402
from biomero.domain.workflow_run import WorkflowRun  # noqa: E402
from services import biomero_2  # noqa: E402
from services.histories import play, polled  # noqa: E402
from services.postgres import PostgresServer  # noqa: E402
from services.views import engine_of  # noqa: E402

REPEATS = 5
WARM_UP = 3  # workflows that are not counted: a worker's connections live for days
BATCH = 2_000
CHANGES = 20
HISTORY = polled(CHANGES)
Measured = tuple[float, float, int]
"""Milliseconds and statements for an event, and how many events there were."""


def theirs(url: str) -> Measured:
    """Play the history on BIOMERO 2.8.3, its four views included."""
    answer = biomero_2.record(url, HISTORY, warm_up=WARM_UP)
    events = answer["events"]
    return 1000 * answer["seconds"] / events, answer["statements"] / events, events


def ours(url: str, folder: Path) -> Measured:
    """Play the history on our tracker; the time ends when the views are level."""
    tracking = open_tracking(AnalyticsSettings(database_url=url), folder)
    for _ in range(WARM_UP):
        play(tracking.tracker, HISTORY)
    tracking.catch_up()
    before = log_of(tracking).max_notification_id() or 0
    with counting(engine_of(tracking)) as statements:
        begin = time.perf_counter()
        play(tracking.tracker, HISTORY)
        tracking.catch_up()
        seconds = time.perf_counter() - begin
    events = (log_of(tracking).max_notification_id() or 0) - before
    tracking.close()
    return 1000 * seconds / events, len(statements) / events, events


@contextmanager
def counting(engine: sa.Engine) -> Iterator[list[object]]:
    """Count statements: those that SQLAlchemy runs, or all that PostgreSQL's driver does."""
    seen: list[object] = []
    if engine.dialect.name != "postgresql":
        sa.event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        yield seen
        return

    def counted(run: Callable[..., object]) -> Callable[..., object]:
        def count(cursor: object, statement: object, *args: object, **kwargs: object) -> object:
            seen.append(statement)
            return run(cursor, statement, *args, **kwargs)

        return count

    changed = {name: counted(getattr(psycopg.Cursor, name)) for name in ("execute", "executemany")}
    with patch.multiple(psycopg.Cursor, **changed):
        yield seen


def log_of(tracking: Tracking) -> ApplicationRecorder:
    """Return the recorder of events."""
    assert isinstance(tracking.tracker, WorkflowTracker)
    return tracking.tracker.recorder


def compare(servers: Mapping[str, PostgresServer], folder: Path) -> None:
    """Print the table of one run, both releases by turns on databases of their own."""
    print("| database | release | ms an event | statements an event | ratio of times | of statements |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in (*servers, "SQLite"):
        measured: dict[str, list[Measured]] = {"old": [], "new": []}
        for number in range(REPEATS):
            for release, rows in measured.items():
                file = folder / f"{release}-{number}.sqlite"
                url = servers[name].empty_database() if name in servers else f"sqlite:///{file}"
                rows.append(theirs(url) if release == "old" else ours(url, folder))
        # the least disturbed of each: what else the machine does is no part of either
        old, new = (min(rows) for rows in measured.values())
        print(f"| {name} | BIOMERO 2.8.3 | {old[0]:.1f} | {old[1]:.1f} | | |")
        ratios = f"{old[0] / new[0]:.0f} | {old[1] / new[1]:.0f}"
        print(f"| {name} | this | {new[0]:.2f} | {new[1]:.2f} | {ratios} |", flush=True)


def fill(tracking: Tracking, events: int) -> list[UUID]:
    """Append that many events of runs like the one above, many in one transaction; return some runs."""
    tracker = tracking.tracker
    assert isinstance(tracker, WorkflowTracker)
    followers, tracker.followers[:] = tracker.followers[:], []
    runs: list[UUID] = []
    written, job = 0, 0
    while written < events:
        batch: list[WorkflowRun | Task] = []
        while sum(len(one.pending_events) for one in batch) < BATCH:
            run = WorkflowRun(name="run", description="d", user=3, group=4)
            runs.append(run.id)
            for name in (
                "_SLURM_Image_Transfer.py",
                "convert_zarr_to_tiff",
                "cellpose",
                "SLURM_Get_Results.py",
            ):
                task = Task(workflow_id=run.id, task_name=name, task_version="1", input_data="x", params={})
                run.add_task(task.id)
                task.start()
                job += 1
                task.add_job_id(job)
                for change in range(CHANGES):
                    task.update_status(("PENDING", "RUNNING")[change % 2])
                task.complete("ok")
                batch.append(task)
            run.complete()
            batch.append(run)
        written += sum(len(one.pending_events) for one in batch)
        tracker.save(*batch)
    tracker.followers[:] = followers
    return runs


def appending(tracking: Tracking) -> float:
    """Return the milliseconds for one event, call by call, views left out."""
    tracker = tracking.tracker
    followers, tracker.followers[:] = tracker.followers[:], []
    begin = time.perf_counter()
    play(tracker, HISTORY)
    seconds = time.perf_counter() - begin
    tracker.followers[:] = followers
    return 1000 * seconds / 102


def long_record(name: str, database: Callable[[], str], folder: Path, events: int) -> None:
    """Print what a record of many events costs."""
    empty = open_tracking(AnalyticsSettings(database_url=database()), folder)
    url = database()
    tracking = open_tracking(AnalyticsSettings(database_url=url), folder)
    begin = time.perf_counter()
    runs = fill(tracking, events)
    filled = time.perf_counter() - begin
    # by turns, so that what else the machine does falls on both
    turns = [(appending(empty), appending(tracking)) for _ in range(2 * REPEATS)]
    before, after = (sorted(times)[len(turns) // 2] for times in zip(*turns, strict=True))
    empty.close()
    head = log_of(tracking).max_notification_id() or 0
    begin = time.perf_counter()
    tracking.rebuild()
    rebuilt = time.perf_counter() - begin
    tracking.close()
    tracking = open_tracking(AnalyticsSettings(database_url=url), folder)
    begin = time.perf_counter()
    for run in runs[:: max(1, len(runs) // 10)][:10]:
        for task in tracking.tracker.repository.get(run).tasks:  # type: ignore[union-attr] # it tracks
            tracking.tracker.repository.get(task)  # type: ignore[union-attr] # it tracks
    loaded = time.perf_counter() - begin
    print(
        f"| {name} | {head:,} | {before:.2f} | {after:.2f} | {events / filled:,.0f} | {head / rebuilt:,.0f} "
        f"| {1000 * loaded:.0f} |",
        flush=True,
    )
    tracking.close()


def long_task(name: str, url: str, folder: Path, changes: int = 20_000) -> None:
    """Print how long it takes to read a task that was polled for days by BIOMERO 2."""
    tracking = open_tracking(AnalyticsSettings(database_url=url), folder)
    tracker = tracking.tracker
    assert isinstance(tracker, WorkflowTracker)
    tracker.followers.clear()
    task = Task(workflow_id=uuid4(), task_name="cellpose", task_version="1", input_data="x", params={})
    for _ in range(changes):
        task._update_status(status="RUNNING")  # noqa: SLF001 - what BIOMERO 2 did at every look
    tracker.save(task)
    tracking.close()
    times = []
    for _ in range(REPEATS):
        tracking = open_tracking(AnalyticsSettings(database_url=url), folder)
        begin = time.perf_counter()
        tracking.tracker.repository.get(task.id)  # type: ignore[union-attr] # it tracks
        times.append(1000 * (time.perf_counter() - begin))
        tracking.close()
    print(f"| {name} | {times[0]:.0f} | {max(times[1:]):.1f} |", flush=True)


def lag(name: str, url: str, folder: Path, changes: int = 100) -> None:
    """Print how long after an event was recorded views show it, to somebody who asks all the time."""
    writing = open_tracking(AnalyticsSettings(database_url=url), folder)
    tracker = writing.tracker
    assert isinstance(tracker, WorkflowTracker)
    run = tracker.initiate_workflow("run", "d", 3, 4)
    task = tracker.add_task_to_workflow(run, "cellpose", "1", "x", {})
    tracker.add_job_id(task, 1)
    writing.catch_up()
    question = sa.text("SELECT progress FROM biomero_job_progress_view WHERE slurm_job_id = 1")
    tracker.update_task_status(task, "RUNNING")
    times = []
    engine = engine_of(writing)

    def shown() -> str | None:
        with engine.connect() as reader:  # each look sees what there is now
            return reader.execute(question).scalar()

    for number in range(changes):
        tracker.update_task_progress(task, f"{number}%")
        begin = time.perf_counter()
        while shown() != f"{number}%":
            time.sleep(0.002)
        times.append(1000 * (time.perf_counter() - begin))
        time.sleep(0.01 * (number % 7))  # not always at the same moment of the follower's pause
    writing.close()
    times.sort()
    middle, most = times[len(times) // 2], times[int(0.95 * len(times))]
    print(f"| {name} | {changes} | {middle:.0f} | {most:.0f} | {times[-1]:.0f} |", flush=True)


def main() -> None:
    """Measure and print."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    biomero_2.ensure_environment()
    folder = Path(tempfile.mkdtemp(prefix="biomero-benchmark-"))
    places = [Path(tempfile.mkdtemp(prefix="biomero-postgres-")) for _ in range(2)]
    server = PostgresServer(places[0])
    servers = {"PostgreSQL": PostgresServer(places[1], keeps_power_cuts=True), "PostgreSQL, no disk": server}
    try:
        for one in servers.values():
            one.start()
        print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}; PostgreSQL on loopback; "
            '"no disk": it waits for no disk (fsync and synchronous_commit off), and so in the later tables\n'
        )
        compare(servers, folder)
        databases = {
            "PostgreSQL": server.empty_database,
            "SQLite": lambda: f"sqlite:///{folder}/{uuid4()}.sqlite",
        }
        print("\n| database | a task of 20,000 looks, first, ms | then, ms |\n| --- | --- | --- |")
        for name, database in databases.items():
            long_task(name, database(), folder)
        print("\n| database | events | lag of views, ms: median | 95 % | longest |")
        print("| --- | --- | --- | --- | --- |")
        for name, database in databases.items():
            lag(name, database(), folder)
        if not events:
            return
        print("\n| database | events | ms an event, empty | full | filled, /s | rebuilt, /s | 10 runs, ms |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name, database in databases.items():
            long_record(name, database, folder, events)
    finally:
        for one in servers.values():
            one.halt()
        for place in (folder, *places):
            shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
