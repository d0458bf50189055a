"""Views that follow in a thread: a moment behind, and level whenever it matters."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from biomero.application.ports.views import Table
from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.bootstrap import open_tracking
from services.views import rows

SCRIPT = """
import sys, tempfile
from pathlib import Path

import pytest
from biomero.application.settings import AnalyticsSettings
from biomero.bootstrap import open_tracking
settings = AnalyticsSettings(database_url=sys.stdin.readline().strip())
tracker = open_tracking(settings, Path(tempfile.gettempdir()), follow_every_s=600).tracker
tracker.complete_workflow(tracker.initiate_workflow("n", "d", 3, 4))
"""


def behind(address: str, folder: Path, *, seconds: float) -> tuple[Tracking, WorkflowTracker]:
    tracking = open_tracking(AnalyticsSettings(database_url=address), folder, follow_every_s=seconds)
    assert isinstance(tracking.tracker, WorkflowTracker)
    return tracking, tracking.tracker


def test_they_follow_by_themselves(address: str, tmp_path: Path, opened: Callable[[], Tracking]) -> None:
    tracking, tracker = behind(address, tmp_path, seconds=0.05)
    tracking.catch_up()  # the tables are made when views are first written
    tracker.initiate_workflow("n", "d", 3, 4)
    looking = opened()
    deadline = time.monotonic() + 60
    while not rows(looking, Table.WORKFLOW_PROGRESS):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    tracking.close()


def test_whoever_asks_sees_what_this_process_recorded(address: str, tmp_path: Path) -> None:
    tracking, tracker = behind(address, tmp_path, seconds=600)
    task_id = tracker.add_task_to_workflow(tracker.initiate_workflow("n", "d", 3, 4), "t", "1", "x", {})
    tracker.add_job_id(task_id, 5)
    assert tracking.job_accounting.get_task_id(5) == task_id
    tracker.add_job_id(task_id, 6)
    assert tracking.job_accounting.get_jobs() == {3: [5, 6]}
    tracker.complete_task(task_id, "ok")
    assert list(tracking.workflow_analytics.get_average_task_duration()) == [("t", "1")]
    tracking.close()


def test_closing_brings_them_level(address: str, tmp_path: Path, opened: Callable[[], Tracking]) -> None:
    tracking, tracker = behind(address, tmp_path, seconds=600)
    tracker.complete_workflow(tracker.initiate_workflow("n", "d", 3, 4))
    tracking.close()
    assert [row["status"] for row in rows(opened(), Table.WORKFLOW_PROGRESS)] == ["DONE"]


@pytest.mark.slow
def test_so_does_the_end_of_a_process_that_closes_nothing(
    address: str, opened: Callable[[], Tracking]
) -> None:
    argv = [sys.executable, "-c", SCRIPT]
    subprocess.run(
        argv, input=address + "\n", text=True, check=True
    )  # not as an argument: it holds a password
    assert [row["status"] for row in rows(opened(), Table.WORKFLOW_PROGRESS)] == ["DONE"]
