"""Opening the record: how its address may be spelt, and what is said when it is not there."""

from __future__ import annotations

import shutil
import stat
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from biomero.adapters.persistence.database_url import read_url
from biomero.adapters.persistence.engine import make_engine
from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.schema import ensure_schema, missing_parts
from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import rebuild_start
from biomero.bootstrap import open_tracking
from biomero.errors import ConfigurationError, DatabaseUnavailableError
from services.postgres import PostgresServer
from services.views import engine_of

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def test_without_an_address_the_record_is_a_file_of_ones_own(tmp_path: Path) -> None:
    tracking = open_tracking(AnalyticsSettings(), tmp_path / "state")
    tracking.tracker.initiate_workflow("n", "d", 1, 2)
    with engine_of(tracking).connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar_one() == "wal"
    tracking.close()
    assert (tmp_path / "state/biomero.sqlite").exists()
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_record_in_memory_works(tmp_path: Path) -> None:
    tracking = open_tracking(AnalyticsSettings(database_url="sqlite:///:memory:"), tmp_path)
    assert isinstance(tracking.tracker, WorkflowTracker)
    run_id = tracking.tracker.initiate_workflow("n", "d", 1, 2)
    task_id = tracking.tracker.add_task_to_workflow(run_id, "t", "1", "x", {})
    tracking.tracker.add_job_id(task_id, 5)
    tracking.rebuild()
    assert tracking.job_accounting.get_jobs() == {1: [5]}
    tracking.close()


def test_threads_may_make_the_tables_of_several_records_at_once(tmp_path: Path) -> None:
    ready = threading.Barrier(8)

    def make(number: int) -> bool:
        engine = make_engine(read_url(f"sqlite:///{tmp_path}/{number // 2}.sqlite"))
        ready.wait()
        ensure_schema(engine, engine.url)
        with engine.connect() as connection:
            found = not missing_parts(connection)
        engine.dispose()
        return found

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(make, range(8)))


@pytest.mark.postgres
@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgres"])
def test_every_spelling_of_postgresql_is_served_by_one_driver(
    postgres_server: PostgresServer, tmp_path: Path, driver: str
) -> None:
    name = postgres_server.database().rpartition("/")[2]
    tracking = open_tracking(
        AnalyticsSettings(database_url=postgres_server.url(name, driver=driver)), tmp_path
    )
    assert isinstance(tracking.tracker, WorkflowTracker)
    assert isinstance(tracking.tracker.factory, Factory)
    tracking.tracker.initiate_workflow("n", "d", 1, 2)
    assert tracking.tracker.factory.engine.dialect.driver == "psycopg"
    tracking.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://biomero:hunter2@127.0.0.1:1/biomero",
        "postgresql://biomero:hunter2@/nothing/here:1/biomero",
        "sqlite:////nothing/hunter2-is-no-password/here/record.sqlite",
    ],
)
def test_a_database_that_is_not_there_is_named_without_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises((DatabaseUnavailableError, ConfigurationError)) as caught:
        open_tracking(AnalyticsSettings(database_url=url), tmp_path)
    assert ":hunter2" not in str(caught.value)


@pytest.mark.postgres
def test_a_wrong_password_is_not_repeated(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = postgres_server.database().replace(postgres_server.password, "hunter2")
    with pytest.raises(DatabaseUnavailableError, match="password authentication failed") as caught:
        open_tracking(AnalyticsSettings(database_url=url), tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://a:hunter2@b/c", "hunter2", "", "postgresql://a:hunter2@b:port/c"])
def test_what_is_no_address_is_refused_without_repeating_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="database") as caught:
        open_tracking(AnalyticsSettings(database_url=url), tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.postgres
def test_a_database_that_comes_back_is_used_again(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="biomero-postgres-"))  # the server's user cannot enter pytest's
    server = PostgresServer(folder)
    try:
        server.start()
        tracking = open_tracking(AnalyticsSettings(database_url=server.empty_database()), tmp_path)
        tracker = tracking.tracker
        assert isinstance(tracker, WorkflowTracker)
        run_id = tracker.initiate_workflow("n", "d", 1, 2)
        server.halt()
        with pytest.raises(DatabaseUnavailableError) as caught:
            tracker.complete_workflow(run_id)
        assert caught.value.transient
        assert server.password not in str(caught.value)
        server.resume()
        tracker.complete_workflow(run_id)
        assert tracker.repository.get(run_id).status.is_success
        tracking.close()
    finally:
        server.halt()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'yesterday' is no day"):
        rebuild_start(AnalyticsSettings(rebuild_start_time="yesterday"), now=NOW)


@pytest.mark.parametrize(
    ("wanted", "start"),
    [
        (AnalyticsSettings(), None),
        (AnalyticsSettings(rebuild_start_time="2026-03-01"), "2026-03-01T00:00:00+00:00"),
        (AnalyticsSettings(rebuild_start_time="2020-01-01", rebuild_days_ago=2), "2026-03-29T12:00:00+00:00"),
    ],
)
def test_how_far_back_a_rebuild_goes(wanted: AnalyticsSettings, start: str | None) -> None:
    found = rebuild_start(wanted, now=NOW)
    assert (None if found is None else found.isoformat()) == start


@pytest.mark.postgres
def test_a_process_that_froze_in_the_middle_does_not_hold_up_others_for_ever(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    tracking = open_tracking(AnalyticsSettings(database_url=postgres_server.database()), tmp_path)
    with engine_of(tracking).connect() as connection:
        for setting in ("lock_timeout", "idle_in_transaction_session_timeout"):
            assert connection.execute(sa.text(f"SHOW {setting}")).scalar_one() != "0"
    tracking.close()
