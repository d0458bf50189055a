"""What happens to the record's database."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http import HTTPStatus
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest

from biomero.application.settings import AnalyticsSettings
from biomero.bootstrap import open_tracking
from faults.scenario import Scenario, Scenarios
from faults.scene import Scene, set_scene
from faults.service_manager import ServiceManager
from services import postgres_faults
from services.postgres import PostgresServer
from services.processes import free_ports

POSTGRES = Scenarios("PostgreSQL")
SQLITE = Scenarios("SQLite")
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def _server(scene: Scene) -> PostgresServer:
    assert scene.postgres is not None
    return scene.postgres


@POSTGRES.add(short=True)
def the_server_is_started_again(scene: Scene) -> None:
    """PostgreSQL stops while runs are at work, and is back ten seconds later."""
    runs = scene.submit(2, images=2)
    with scene.worker():
        scene.wait_until_reached(runs[0], "converting")
        with postgres_faults.stopped(_server(scene)):
            time.sleep(10)
        scene.wait_until_over()


@POSTGRES.add()
def the_server_crashes_twice(scene: Scene) -> None:
    """PostgreSQL dies by SIGKILL, and recovers; then once more."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        for status in ("exporting", "queued"):
            scene.wait_until_reached(run, status)
            with postgres_faults.crashed(_server(scene)):
                time.sleep(2)
        scene.wait_until_over()


@POSTGRES.add()
def the_server_is_away_for_five_minutes(scene: Scene) -> None:
    """PostgreSQL is away for 300 seconds, longer than any lease; what ends meanwhile is recorded after."""
    (run,) = scene.submit(images=3)
    with scene.worker():
        scene.wait_until_reached(run, "exporting")
        with postgres_faults.stopped(_server(scene)):
            time.sleep(300)
        scene.wait_until_over()


@POSTGRES.add()
def the_server_answers_nobody(scene: Scene) -> None:
    """PostgreSQL is frozen for 150 seconds; whoever watches the worker finds it alive and healthy."""
    (run,) = scene.submit(images=2)
    (port,) = free_ports(1)
    with ServiceManager() as manager:
        options = ("--http", f"127.0.0.1:{port}")
        with scene.worker(further=manager.variables, options=options) as worker:
            scene.wait_until_reached(run, "converting")
            manager.watch(worker)
            before = manager.signs
            with postgres_faults.frozen(_server(scene)):
                for _ in range(30):
                    time.sleep(5)
                    assert _health(port) == HTTPStatus.OK
            assert worker.is_alive
            assert manager.signs > before
            scene.wait_until_over()


@POSTGRES.add(short=True)
def the_connections_are_cut_every_second(scene: Scene) -> None:
    """For 20 seconds an administrator ends all connections each second."""
    (run, _) = scene.submit(2, images=2)
    with scene.worker():
        scene.wait_until_reached(run, "exporting")
        for _ in range(20):
            time.sleep(1)
            _server(scene).cut_connections()
        scene.wait_until_over()


@POSTGRES.add()
def the_worker_is_started_while_the_server_is_away(scene: Scene) -> None:
    """The worker is started before PostgreSQL is there; whatever starts workers starts it until it stays."""
    scene.submit()
    with ExitStack() as stack:
        with postgres_faults.stopped(_server(scene)):
            stack.enter_context(scene.supervised())
            time.sleep(5)
        scene.wait_until_over()


@POSTGRES.add()
def the_server_takes_no_changes(scene: Scene) -> None:
    """PostgreSQL is read-only for 20 seconds, as a standby is after a fail-over."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_reached(run, "staging")
        with postgres_faults.read_only(_server(scene)):
            time.sleep(20)
        scene.wait_until_over()


@POSTGRES.add()
def somebody_locks_the_tables(scene: Scene) -> None:
    """Another session holds locks on the tables of events and of the queue for 15 seconds."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_reached(run, "exporting")
        with psycopg.connect(scene.database) as connection:
            connection.execute("LOCK TABLE workflowtracker_events, engine_run IN ACCESS EXCLUSIVE MODE")
            time.sleep(15)
        scene.wait_until_over()


@POSTGRES.add()
def others_lock_in_the_other_order(scene: Scene) -> None:
    """Another session takes the same locks in the other order, again and again, until there is a deadlock."""
    over = threading.Event()

    def lock_the_other_way() -> None:
        while not over.wait(0.05):
            try:
                with psycopg.connect(scene.database) as connection:
                    connection.execute("SET deadlock_timeout = '10s'")
                    connection.execute("LOCK TABLE workflowtracker_events IN EXCLUSIVE MODE")
                    time.sleep(0.2)
                    connection.execute("SELECT run_id FROM engine_run FOR UPDATE")
            except psycopg.Error:
                continue

    scene.submit(2, images=2)
    other = threading.Thread(target=lock_the_other_way, daemon=True)
    with scene.worker():
        other.start()
        scene.wait_until(lambda: scene.tables.deadlocks() > 0, "there was a deadlock", timeout_s=120)
        over.set()
        other.join()
        scene.wait_until_over()


@POSTGRES.add()
def the_server_and_the_worker_die_together(scene: Scene) -> None:
    """PostgreSQL and the worker are killed in the same moment."""
    (run,) = scene.submit(images=2)
    with scene.supervised() as worker:
        scene.wait_until_reached(run, "converting")
        with postgres_faults.crashed(_server(scene)):
            worker.worker.kill()
            time.sleep(3)
        scene.wait_until_over()


def _health(port: int) -> int:
    with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
        return int(answer.status)


@SQLITE.add()
def somebody_locks_the_file(scene: Scene) -> None:
    """Another program holds the lock of writing for 20 seconds."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_reached(run, "exporting")
        path = scene.database.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            time.sleep(20)
            file.execute("ROLLBACK")
        scene.wait_until_over()


@SQLITE.add()
def a_second_worker_is_refused(scene: Scene) -> None:
    """SQLite has one worker; a second one says so and ends, and the first one goes on."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_reached(run, "exporting")
        with scene.worker("second") as second:
            assert second.wait(timeout_s=60) != 0
        scene.wait_until_over()


@pytest.mark.postgres
@pytest.mark.parametrize("scenario", POSTGRES.params())
def test_postgres(scenario: Scenario, local_shared_scene: Scene) -> None:
    scenario.play(local_shared_scene)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SQLITE.params())
def test_sqlite(scenario: Scenario, local_scene: Scene) -> None:
    scenario.play(local_scene)


@pytest.fixture
def small_scene(tmp_path: Path) -> Iterator[tuple[Scene, postgres_faults.SmallDisk]]:
    """Return a scene whose PostgreSQL has a small disk."""
    with postgres_faults.on_a_small_disk(200) as (server, disk):
        template = open_tracking(AnalyticsSettings(database_url=server.template()), tmp_path)
        template.catch_up()
        template.close()
        for scene in set_scene(Scene(home=tmp_path, database=server.database(), postgres=server)):
            yield scene, disk


@pytest.mark.postgres
def test_the_servers_disk_is_full_for_a_while(
    small_scene: tuple[Scene, postgres_faults.SmallDisk],
) -> None:
    scene, disk = small_scene
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_reached(run, "exporting")
        with disk.full():
            time.sleep(15)
        scene.wait_until_over()
    report = scene.audit()
    assert not report.findings, report.text
