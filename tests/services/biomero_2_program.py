"""A program for the environment of BIOMERO 2.8.3: records, times and reads with that release itself.

It reads one line of JSON, ``{"url": …, "do": …}``, and answers with one line of JSON. The address comes that
way because it holds a password.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[1]))

from services import histories


def main() -> None:
    """Do what the one line says."""
    wanted = json.loads(sys.stdin.readline())
    tracker, manager = start(wanted["url"])
    answer: Any
    if "history" in wanted:
        history = [tuple(step) for step in wanted["history"]]
        for _ in range(wanted["warm_up"]):
            histories.play(tracker, history)
        before = tracker.recorder.max_notification_id() or 0
        statements = count_statements(manager)
        begin = time.perf_counter()
        ids = histories.play(tracker, history)
        answer = {
            "ids": {name: str(made) for name, made in ids.items()},
            "seconds": time.perf_counter() - begin,
            "statements": statements[0],
            "events": tracker.recorder.max_notification_id() - before,
        }
    else:
        answer = {one: described(tracker.repository.get(UUID(one))) for one in wanted["read"]}
    sys.stdout.write(json.dumps(answer) + "\n")


def start(url: str) -> tuple[Any, Any]:
    """Wire the tracker and the four views as that release's client does."""
    os.environ["PERSISTENCE_MODULE"] = "eventsourcing_sqlalchemy"
    os.environ["SQLALCHEMY_URL"] = url
    from eventsourcing.system import SingleThreadedRunner, System  # noqa: PLC0415

    import biomero  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 - another release's, after the environment

    topic = biomero.EngineManager.create_scoped_session(sqlalchemy_url=url)
    os.environ["SQLALCHEMY_SCOPED_SESSION_TOPIC"] = topic
    tracker = biomero.WorkflowTracker
    views = ("JobAccounting", "JobProgress", "WorkflowProgress", "WorkflowAnalytics")
    runner: Any = SingleThreadedRunner(System(pipes=[[tracker, getattr(biomero, view)] for view in views]))
    runner.start()
    return runner.get(tracker), biomero.EngineManager


def count_statements(manager: Any) -> list[int]:
    """Return where every statement is counted from now on."""
    from sqlalchemy import event  # noqa: PLC0415 - of that environment

    found = [0]

    def count(*_: object) -> None:
        found[0] += 1

    event.listen(manager.get_session().get_bind(), "before_cursor_execute", count)
    return found


def described(aggregate: Any) -> dict[str, Any]:
    """Return what scripts read from a run or task, as JSON has it."""
    names = (
        *("name", "description", "user", "group", "tasks"),
        *("workflow_id", "task_name", "task_version", "input_data", "params", "job_ids", "results"),
        *("result_message", "status", "progress"),
    )
    found = {name: getattr(aggregate, name) for name in names if hasattr(aggregate, name)}
    return json.loads(json.dumps(found, default=str))  # type: ignore[no-any-return] # a mapping, as it was


if __name__ == "__main__":
    main()
