"""The documented names of `biomero.database`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from eventsourcing.persistence import IntegrityError
from eventsourcing.utils import resolve_topic

from biomero.application.settings import AnalyticsSettings
from biomero.bootstrap import open_tracking
from biomero.database import EngineManager, JobView, database_transaction, retry_on_database_conflict
from biomero.errors import ConfigurationError, DatabaseUnavailableError


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    yield f"sqlite:///{tmp_path}/record.sqlite"
    EngineManager.close_engine()


def test_a_session_reads_what_was_tracked(url: str, tmp_path: Path) -> None:
    tracking = open_tracking(AnalyticsSettings(database_url=url), tmp_path)
    run_id = tracking.tracker.initiate_workflow("n", "d", 3, 4)
    task_id = tracking.tracker.add_task_to_workflow(run_id, "t", "1", "x", {})
    tracking.tracker.add_job_id(task_id, 5)
    tracking.catch_up()
    topic = EngineManager.create_scoped_session(sqlalchemy_url=url)
    session = resolve_topic(topic)()
    assert session is EngineManager.get_session()
    assert [job.task_id for job in session.scalars(sa.select(JobView))] == [task_id]
    EngineManager.close_engine()
    tracking.tracker.complete_workflow(run_id)  # closing theirs did not close ours
    tracking.close()


def test_work_that_fails_is_undone(url: str) -> None:
    EngineManager.create_scoped_session(url)
    with database_transaction() as session:
        session.execute(sa.text("CREATE TABLE t (n INTEGER UNIQUE)"))
    with pytest.raises(sa.exc.IntegrityError), database_transaction() as session:
        session.execute(sa.text("INSERT INTO t VALUES (1), (1)"))
    assert EngineManager.get_session().execute(sa.text("SELECT count(*) FROM t")).scalar_one() == 0
    EngineManager.rollback()
    EngineManager.remove_session()


def test_what_was_not_opened_has_no_session() -> None:
    with pytest.raises(ConfigurationError, match="create_scoped_session"):
        EngineManager.get_session()


@pytest.mark.parametrize("error", [IntegrityError("x"), DatabaseUnavailableError("x")])
def test_what_the_database_refused_is_tried_again(error: Exception) -> None:
    calls = []

    @retry_on_database_conflict(max_retries=3, base_delay=0.001)
    def write(word: str) -> str:
        calls.append(word)
        if len(calls) < 3:
            raise error
        return word

    assert write("a") == "a"
    assert len(calls) == 3


def test_after_the_last_try_the_error_comes_out() -> None:
    calls = []

    @retry_on_database_conflict(max_retries=2, base_delay=0.001)
    def write() -> None:
        calls.append(1)
        raise IntegrityError("x")

    with pytest.raises(IntegrityError):
        write()
    assert len(calls) == 3


def test_other_errors_are_not_tried_again() -> None:
    calls = []

    @retry_on_database_conflict()
    def write() -> None:
        calls.append(1)
        raise KeyError

    with pytest.raises(KeyError):
        write()
    assert calls == [1]
