"""A process that follows the record is killed at any moment, again and again.

``BIOMERO_TEST_KILLS=200`` makes it as often as one has time for.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from services.views import all_rows, events

KILLS = int(os.environ.get("BIOMERO_TEST_KILLS", "20"))

DRIVE = """
import itertools, os, sys, tempfile
from pathlib import Path
import psycopg
import biomero.adapters.persistence.view_store
from biomero.application.settings import AnalyticsSettings
from biomero.bootstrap import open_tracking
settings = AnalyticsSettings(database_url=sys.stdin.readline().strip())
def drive(first, pause):
    tracker = open_tracking(settings, Path(tempfile.gettempdir()), follow_every_s=pause).tracker
    print("began", flush=True)
    for job in itertools.count(first):
        run = tracker.initiate_workflow("n", "d", 3, 4)
        task = tracker.add_task_to_workflow(run, "cellpose", "1", "x", {})
        tracker.add_job_id(task, job)
        for state in ("PENDING", "RUNNING", "COMPLETED"):
            tracker.update_task_status(task, state)
        tracker.complete_task(task, "ok")
        tracker.complete_workflow(run)
for line in sys.stdin:
    first, pause = line.split()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)
        drive(int(first), float(pause))
    print(child, flush=True)
    os.close(write)
    os.close(read)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""
"""It imports once, and then is a new process for each line."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_views_of_killed_processes_equal_rebuilt_ones(address: str, opened: Callable[[], Tracking]) -> None:
    opened().catch_up()
    with subprocess.Popen(
        [sys.executable, "-c", DRIVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(address + "\n")  # not as an argument: it holds a password
        for kill in range(KILLS):
            # by turns, it follows within every call, and in a thread of its own
            parent.stdin.write(f"{1 + 100_000 * kill} {0.02 * (kill % 2)}\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            if kill % 4:  # the others may die while they open the database, too
                assert parent.stdout.readline() == "began\n"
            time.sleep(random.uniform(0.0, 0.5))  # noqa: S311 - any moment will do
            os.kill(child, signal.SIGKILL)
            assert any(line == "gone\n" for line in iter(parent.stdout.readline, ""))
        parent.stdin.close()
    tracking = opened()
    tracking.catch_up()
    live = all_rows(tracking)
    # what was recorded is all there, whichever view its process was about to write
    tracker = tracking.tracker
    assert isinstance(tracker, WorkflowTracker)
    assert len(live["biomero_workflow_progress_view"]) == events(tracker).count("WorkflowInitiated")
    assert live["biomero_workflow_progress_view"]
    tracking.rebuild()
    assert all_rows(tracking) == live
