"""The tables of views: made by migrations, brought up to date, and never a stack trace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from biomero.adapters.persistence import migrations
from biomero.adapters.persistence.database_url import read_url
from biomero.adapters.persistence.engine import make_engine
from biomero.adapters.persistence.event_recorder import OriginatorId
from biomero.adapters.persistence.schema import (
    ALL_TABLES,
    NEWEST,
    VERSION_TABLE,
    ensure_schema,
    upgrade,
    version_of,
)
from biomero.adapters.persistence.tables import POSITIONS
from biomero.application.ports.views import Table
from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.bootstrap import open_tracking
from biomero.errors import SchemaError
from services.command import Ended, User
from services.old_record import load_events, make_old_tables
from services.views import all_rows, engine_of, rows


@pytest.fixture
def url(address: str) -> sa.URL:
    return read_url(address)


@pytest.fixture
def engine(url: sa.URL) -> Iterator[sa.Engine]:
    made = make_engine(url)
    yield made
    made.dispose()


class Admin:
    """Somebody with the command, and a configuration that names the database."""

    def __init__(self, home: Path, address: str) -> None:
        self._user = User(home=home)
        (home / "database.ini").write_text(f"[ANALYTICS]\nsqlalchemy_url = {address}\n")

    def biomero(self, *words: str) -> Ended:
        ended = self._user.here(*words, "--config", "database.ini")
        assert "Traceback" not in ended.stdout + ended.stderr
        return ended


@pytest.fixture
def admin(tmp_path: Path, address: str) -> Admin:
    return Admin(tmp_path, address)


@pytest.fixture
def opened(address: str, tmp_path: Path) -> Iterator[Tracking]:
    tracking = open_tracking(AnalyticsSettings(database_url=address), tmp_path, follow_every_s=0)
    yield tracking
    tracking.close()


def tracker_of(tracking: Tracking) -> WorkflowTracker:
    assert isinstance(tracking.tracker, WorkflowTracker)
    return tracking.tracker


def tables(engine: sa.Engine) -> dict[str, Any]:
    """Return everything about the tables of views that a database tells."""
    inspected = sa.inspect(engine)
    return {
        name: (
            [{**c, "type": str(c["type"])} for c in inspected.get_columns(name)],
            inspected.get_pk_constraint(name)["constrained_columns"],
            sorted((i["name"] or "", i["column_names"]) for i in inspected.get_indexes(name)),
        )
        for name in ALL_TABLES.tables
    }


def _differ(_context: object, _there: object, column: Any, there: object, _wanted: object) -> bool | None:
    """SQLite tells our ids' BINARY as NUMERIC; ``None`` leaves the question to Alembic."""
    return False if isinstance(there, sa.Numeric) and isinstance(column.type, OriginatorId) else None


def test_the_schema_made_by_migrations_is_the_schema_of_the_code(url: sa.URL, engine: sa.Engine) -> None:
    upgrade(engine, url)
    made = tables(engine)
    with engine.connect() as connection:
        ours = {"include_name": lambda name, kind, _: kind != "table" or name in ALL_TABLES.tables}
        known = {"compare_type": _differ, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts={**ours, **known})
        assert compare_metadata(context, ALL_TABLES) == []
        assert version_of(connection) == NEWEST
    ALL_TABLES.drop_all(engine)
    ALL_TABLES.create_all(engine)
    assert tables(engine) == made


def test_the_newest_step_is_the_last_one_that_there_is() -> None:
    config = Config()
    (folder,) = migrations.__path__
    config.set_main_option("script_location", folder)
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


def test_an_older_database_is_told_of_with_the_command_while_runs_are_still_recorded(
    url: sa.URL,
    engine: sa.Engine,
    admin: Admin,
    opened: Tracking,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upgrade(engine, url, "0001")
    run_id = tracker_of(opened).initiate_workflow("n", "d", 3, 4)
    assert "biomero db upgrade" in caplog.text
    with pytest.raises(SchemaError, match="biomero db upgrade"):
        opened.catch_up()
    for words in (("stats",), ("db", "rebuild")):
        ended = admin.biomero(*words)
        assert (ended.code, "biomero db upgrade" in ended.stderr) == (2, True)
    checked = admin.biomero("db", "check")
    assert (checked.code, "biomero db upgrade" in checked.stdout) == (1, True)

    assert admin.biomero("db", "upgrade").code == 0
    assert admin.biomero("db", "check").code == 0
    assert [row["run_id"] for row in rows(opened, Table.RUNS)] == [run_id]
    tracker_of(opened).complete_workflow(run_id)  # the process that was there before goes on
    assert [row["status"] for row in rows(opened, Table.RUNS)] == ["done"]


@pytest.mark.parametrize("version", ["0001", "0002", "0003", "0004", "0005", "0006"])
def test_what_views_held_before_an_upgrade_they_hold_after_it(
    url: sa.URL, engine: sa.Engine, admin: Admin, opened: Tracking, version: str
) -> None:
    load_events(tracker_of(opened), engine)
    opened.catch_up()
    right = all_rows(opened)
    for table in (Table.RUNS, Table.RUN_JOBS, Table.JOBS, Table.TASK_EXECUTION):
        assert right[table.value]
    _set_back(engine, url, version)
    assert admin.biomero("db", "upgrade").code == 0
    opened.catch_up()
    assert all_rows(opened) == right
    assert admin.biomero("db", "check").code == 0


def _set_back(engine: sa.Engine, url: sa.URL, version: str) -> None:
    """Make the tables as they were at a version, with what they would have held then."""
    with engine.connect() as connection:
        held = {t: connection.execute(sa.select(t)).mappings().all() for t in ALL_TABLES.sorted_tables}
    ALL_TABLES.drop_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP TABLE {VERSION_TABLE}"))
    upgrade(engine, url, version)
    inspected = sa.inspect(engine)
    with engine.begin() as connection:
        for table, found in held.items():
            if found and inspected.has_table(table.name):
                there = {column["name"] for column in inspected.get_columns(table.name)}
                older = [{name: row[name] for name in row if name in there} for row in found]
                connection.execute(sa.delete(table))
                connection.execute(sa.insert(table), older)
        if version == "0001":
            later = ("Runs", "RunJobs", "RunOutputs", "EventTimeline")
            connection.execute(sa.delete(POSITIONS).where(POSITIONS.c.view.in_(later)))


def test_a_newer_database_is_left_alone(url: sa.URL, engine: sa.Engine, admin: Admin) -> None:
    upgrade(engine, url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE biomero_schema_version SET version_num = '9999'"))
    for words in (("stats",), ("db", "upgrade"), ("db", "init"), ("db", "rebuild")):
        ended = admin.biomero(*words)
        assert (ended.code, "upgrade BIOMERO" in ended.stderr) == (2, True)
    assert "upgrade BIOMERO" in admin.biomero("db", "check").stdout
    with engine.connect() as connection:
        assert version_of(connection) == "9999"


def test_tables_of_biomero_2_are_taken_over_as_they_are(
    engine: sa.Engine, admin: Admin, opened: Tracking
) -> None:
    make_old_tables(engine)
    load_events(tracker_of(opened), engine)
    documented = (Table.JOBS, Table.JOB_PROGRESS, Table.WORKFLOW_PROGRESS, Table.TASK_EXECUTION)
    before = {table: sa.inspect(engine).get_columns(table.value) for table in documented}
    assert admin.biomero("db", "check").code == 1
    assert admin.biomero("db", "upgrade").code == 0
    after = {table: sa.inspect(engine).get_columns(table.value) for table in documented}
    assert str(after) == str(before)
    assert opened.job_accounting.get_jobs() == {3: [77, 78, 79]}
    assert sorted(row["status"] for row in rows(opened, Table.RUNS)) == ["done", "failed", "submitted"]
    assert {row["job_id"] for row in rows(opened, Table.RUN_JOBS)} == {77, 78, 79}
    assert admin.biomero("db", "check").code == 0
    with engine.connect() as connection:
        theirs = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all()
    assert theirs == ["abc123"]


def test_a_new_database_is_made_ready_once_however_many_come(url: sa.URL) -> None:
    problems: list[BaseException] = []

    def come() -> None:
        engine = make_engine(url)
        try:
            ensure_schema(engine, url)
        except BaseException as exc:  # noqa: BLE001 - told by the test's own thread
            problems.append(exc)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=come) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_the_commands_make_check_and_rebuild(admin: Admin, opened: Tracking, address: str) -> None:
    before = admin.biomero("db", "check")
    assert (before.code, "biomero db init" in before.stdout) == (1, True)
    assert f"was brought to {NEWEST}" in admin.biomero("db", "init").stdout
    assert f"is up to date ({NEWEST})" in admin.biomero("db", "init").stdout
    tracker_of(opened).initiate_workflow("n", "d", 3, 4)
    right = all_rows(opened)
    with engine_of(opened).begin() as connection:
        connection.execute(sa.text("UPDATE biomero_run SET status = 'nonsense'"))
    assert all_rows(opened) != right
    assert admin.biomero("db", "rebuild").code == 0
    assert all_rows(opened) == right
    checked = admin.biomero("db", "check", "--json")
    assert (checked.code, checked.document["problems"], checked.document["events"]) == (0, [], 1)
    assert set(checked.document["behind"].values()) == {0}
    password = read_url(address).password
    assert password is None or str(password) not in checked.stdout


def test_a_column_that_somebody_took_away_is_found(admin: Admin, engine: sa.Engine, opened: Tracking) -> None:
    opened.catch_up()
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE biomero_output DROP COLUMN kind"))
    checked = admin.biomero("db", "check")
    assert (checked.code, "biomero_output.kind is missing" in checked.stdout) == (1, True)
    rebuilt = admin.biomero("db", "upgrade")
    assert rebuilt.code == 0
