"""Two processes that write and one that reads and follows, as workers and a web server do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from services.views import all_rows

RUNS, ROUNDS = 8, 12

_OPEN = """
import json, sys, time
from pathlib import Path
from uuid import UUID
from biomero.application.settings import AnalyticsSettings
from biomero.bootstrap import open_tracking
said = json.loads(sys.stdin.readline())
tracking = open_tracking(AnalyticsSettings(database_url=said["address"]), Path(said["folder"]))
tracker = tracking.tracker
print("ready", flush=True)
sys.stdin.readline()
"""

WRITE = (
    _OPEN
    + """
acknowledged = []
for turn in range(said["rounds"]):
    if turn == said["rounds"] // 2:
        print("half", flush=True)
        sys.stdin.readline()
    own = tracker.initiate_workflow(f"run of {said['name']}", "d", 3, 4)
    for run in (UUID(said["shared"][turn % len(said["shared"])]), own):
        task = tracker.add_task_to_workflow(run, "cellpose", "1", "x", {"by": said["name"]})
        tracker.start_task(task)
        tracker.add_job_id(task, said["first_job"] + len(acknowledged))
        tracker.update_task_status(task, "RUNNING")
        tracker.complete_task(task, said["name"])
        acknowledged.append((str(run), str(task)))
    tracker.complete_workflow(own)
tracking.close()
print(json.dumps(acknowledged), flush=True)
"""
)

FOLLOW = (
    _OPEN
    + """
import select
seen, ended = [], False
while True:
    ended = ended or bool(select.select([sys.stdin], [], [], 0)[0])
    newest = seen[-1] if seen else 0
    found = [n.id for n in tracker.recorder.select_notifications(newest + 1, 1000)]
    news = len(seen) <= said["before"] < len(seen) + len(found)
    seen += found
    tracking.catch_up()
    if news:
        print("following", flush=True)
    if ended and not found:
        break
everything = [n.id for n in tracker.recorder.select_notifications(1, 1_000_000)]
tracking.close()
print(json.dumps({"seen": seen, "all": everything}), flush=True)
"""
)


class Process:
    """A program of our own in a process of its own; it ends with us."""

    def __init__(self, program: str, **said: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.say(json.dumps(said))  # not as an argument: it holds a password

    def say(self, line: str = "") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self) -> str:
        """Wait for its end; return what it complained of."""
        _, errors = self._process.communicate(timeout=120)
        return errors if self._process.returncode == 0 else f"ended {self._process.returncode}: {errors}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_and_a_follower_never_sees_an_event_late(
    address: str, opened: Callable[[], Tracking], tmp_path: Path
) -> None:
    tracker = opened().tracker
    assert isinstance(tracker, WorkflowTracker)
    shared = [str(tracker.initiate_workflow("shared", "d", 3, 4)) for _ in range(RUNS)]
    common = {"address": address, "folder": str(tmp_path), "rounds": ROUNDS, "shared": shared}
    writers = [Process(WRITE, name=n, first_job=j, **common) for n, j in (("one", 1000), ("two", 2000))]
    web = Process(FOLLOW, before=RUNS, **common)
    try:
        for process in (*writers, web):
            assert process.hear() == "ready"
        for process in (web, *writers):  # all at once
            process.say()
        # however slow the machine is, it follows while they write
        assert [process.hear() for process in (*writers, web)] == ["half", "half", "following"]
        for writer in writers:
            writer.say()
        acknowledged = [pair for writer in writers for pair in json.loads(writer.hear())]
        web.say()
        followed = json.loads(web.hear())
        # no conflict reaches anybody
        assert [process.end() for process in (*writers, web)] == ["", "", ""]
    finally:
        for process in (*writers, web):
            process.kill()

    # the order of positions is that of commits: nothing ever appears before what was seen already
    assert followed["seen"] == followed["all"] == sorted(set(followed["all"]))
    versions: dict[Any, list[int]] = defaultdict(list)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for notification in tracker.recorder.select_notifications(1, 1_000_000):
        versions[notification.originator_id].append(notification.originator_version)
        kinds[str(notification.originator_id)][notification.topic.rpartition(".")[2]] += 1
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    assert len(acknowledged) == 2 * 2 * ROUNDS
    for run, task in acknowledged:
        assert kinds[task] == {
            "TaskCreated": 1,
            "TaskStarted": 1,
            "JobIdAdded": 1,
            "StatusUpdated": 1,
            "TaskCompleted": 1,
        }
        assert [str(one) for one in tracker.repository.get(run).tasks].count(task) == 1
    last = opened()
    last.catch_up()
    live = all_rows(last)
    last.rebuild()
    assert all_rows(last) == live
