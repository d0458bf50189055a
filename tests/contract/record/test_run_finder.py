"""Runs are found by who asked for them, by how their ids begin and by their jobs, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from biomero.adapters.persistence import event_store
from biomero.application.ports.run_finder import RunFinder
from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.bootstrap import open_tracking
from biomero.bootstrap.record import make_finder
from biomero.domain.ids import RunId
from biomero.domain.workflow_run import WorkflowRun

ANN, BOB = 3, 4


@dataclass
class Asked:
    """Runs of users, with ids that a test chooses."""

    tracker: WorkflowTracker

    def for_run(
        self,
        run_id: str,
        user: int | None = ANN,
        *,
        by: str = "ann",
        name: str = "n",
        job_id: int | None = None,
        array_size: int | None = None,
    ) -> RunId:
        run = WorkflowRun.with_id(
            RunId(str(UUID(run_id.ljust(32, "5")))), name=name, description="d", user=user, group=1
        )
        run.accept({"images": [], "requested_by": by})
        if job_id is not None:
            run.request_job("k", step="workflow", resources={}, array_size=array_size)
            run.submit_job("k", {"job_id": str(job_id), "array_size": array_size})
        self.tracker.begin(run)
        return run.run_id


@pytest.fixture
def asked(tracker: WorkflowTracker) -> Asked:
    return Asked(tracker)


@pytest.fixture
def finder(tracker: WorkflowTracker) -> RunFinder:
    return make_finder(tracker)


def test_the_newest_of_a_user_are_found_whatever_others_did(finder: RunFinder, asked: Asked) -> None:
    first = asked.for_run("a1")
    others = [asked.for_run(f"b{number}", BOB, by="bob") for number in range(10)]
    second = asked.for_run("a2")
    assert finder.newest(ANN, most=5) == [second, first]
    assert finder.newest(ANN, most=1) == [second]
    assert finder.newest(ANN, most=5, skip=1) == [first]
    assert finder.newest(ANN, most=5, requested_by="bob") == []
    assert finder.newest(None, most=3) == [second, *others[:-3:-1]]
    assert finder.newest(None, most=50, requested_by="ann") == [second, first]
    assert finder.newest(99, most=5) == []
    named = asked.for_run("a3", name="it's named")
    assert finder.newest(ANN, name="it's named", most=5) == [named]
    assert finder.newest(BOB, name="it's named", most=5) == []


def test_runs_are_found_by_their_jobs(finder: RunFinder, asked: Asked) -> None:
    large = 2**40
    first = asked.for_run("a1", job_id=7)
    his = asked.for_run("b1", BOB, job_id=7)
    array = asked.for_run("a2", job_id=7, array_size=3)
    other = asked.for_run("a3", job_id=large)
    asked.for_run("a4")
    assert finder.with_job(7, ANN, most=5) == [array, first]
    assert finder.with_job(7, ANN, most=5, skip=1) == [first]
    assert finder.with_job(7, None, most=5) == [array, his, first]
    assert finder.with_job(7, None, most=1) == [array]
    assert finder.with_job(large, ANN, most=5) == [other]
    assert finder.with_job(8, None, most=5) == []
    assert finder.with_job(2**63 - 1, None, most=5) == []


def test_ids_are_found_by_how_they_begin(finder: RunFinder, asked: Asked) -> None:
    one = asked.for_run("0123456789ab")
    alike = asked.for_run("0123456789ac")
    his = asked.for_run("0123456700", BOB)
    last = asked.for_run("f" * 32)
    assert finder.beginning("01234567-89ab", ANN, most=5) == [one]
    assert finder.beginning("01234567-89a", ANN, most=5) == [alike, one]
    assert finder.beginning("01234567", None, most=5) == [his, alike, one]
    assert finder.beginning("01234567", ANN, most=1) == [alike]
    assert finder.beginning("01234567", BOB, most=5) == [his]
    assert finder.beginning("f", ANN, most=5) == [last]
    # a dash where ids have none, and what is no id
    for text in ("0123-4567", "01234567'", "zz", "0" * 40, "%"):
        assert finder.beginning(text, ANN, most=5) == []


def test_what_another_process_recorded_is_found_at_once(
    finder: RunFinder, opened: Callable[..., Tracking]
) -> None:
    other = opened().tracker
    assert isinstance(other, WorkflowTracker)
    assert finder.newest(ANN, most=5) == []
    run_id = Asked(other).for_run("a1")
    assert finder.newest(ANN, most=5) == [run_id]


def test_runs_are_found_also_where_no_other_view_is_kept(address: str, tmp_path: Path) -> None:
    settings = AnalyticsSettings(database_url=address)
    tracking = open_tracking(settings, tmp_path, follow_every_s=0)
    assert isinstance(tracking.tracker, WorkflowTracker)
    tracking.tracker.levellers.clear()
    tracking.tracker.followers.clear()
    run_id = Asked(tracking.tracker).for_run("a1", job_id=7)
    assert make_finder(tracking.tracker).newest(ANN, most=5) == [run_id]
    assert make_finder(tracking.tracker).with_job(7, ANN, most=5) == [run_id]
    tracking.catch_up()  # the other views have not missed anything
    assert make_finder(tracking.tracker).newest(ANN, most=5) == [run_id]
    tracking.close()


def test_no_more_is_read_than_asked_for(finder: RunFinder, asked: Asked, tracker: WorkflowTracker) -> None:
    """The plan names the index: others' runs are not looked at."""
    asked.for_run("a1")
    finder.newest(ANN, most=5)
    assert isinstance(tracker.factory, event_store.Factory)
    engine = tracker.factory.engine
    question = "select run_id from biomero_run where user_id = 3 order by requested_at desc limit 5"
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            plan = connection.execute(sa.text(f"explain query plan {question}")).all()
        else:  # an almost empty table is read whole unless that is forbidden
            connection.execute(sa.text("set enable_seqscan = off"))
            plan = connection.execute(sa.text(f"explain {question}")).all()
    assert "ix_biomero_run_user_requested" in str(plan)
