"""What scripts call on the tracker, and what they read from it afterwards."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.domain.run_status import RunStatus
from biomero.errors import ParameterError, UnknownRunError, UnknownTaskError
from services.views import events

RESULT = SimpleNamespace(command="sbatch x", env={"A": "1"}, stdout="Submitted batch job 77", stderr="")


def a_run(tracker: WorkflowTracker) -> UUID:
    return tracker.initiate_workflow("My run", "segments", 3, 4)


def a_task(tracker: WorkflowTracker, run: UUID | None = None, name: str = "cellpose") -> UUID:
    return tracker.add_task_to_workflow(run or a_run(tracker), name, "v1.2", ["a.zarr"], {"diameter": 30})


def test_a_run_that_a_script_drives_is_read_as_scripts_read_it(tracker: WorkflowTracker) -> None:
    run_id = a_run(tracker)
    task_id = a_task(tracker, run_id)
    tracker.start_workflow(run_id)
    tracker.start_task(task_id)
    tracker.add_job_id(task_id, 77)
    tracker.add_result(task_id, RESULT)
    tracker.update_task_status(task_id, "RUNNING")
    tracker.update_task_progress(task_id, "43%")
    tracker.complete_task(task_id, "two labels")
    tracker.complete_workflow(run_id)

    run, task = tracker.repository.get(str(run_id)), tracker.repository.get(task_id)
    assert (run.name, run.description, run.user, run.group) == ("My run", "segments", 3, 4)
    assert (run.id, run.tasks, run.status) == (run_id, [task_id], RunStatus.DONE)
    assert run._created_on <= run._modified_on
    assert (task._id, task.workflow_id, task.task_name, task.task_version) == (
        task_id,
        run_id,
        "cellpose",
        "v1.2",
    )
    assert (task.input_data, task.params) == (["a.zarr"], {"diameter": 30})
    assert (task.job_ids, task.results[0]["command"], task.results[0]["env"]) == (
        [77],
        "sbatch x",
        {"A": "1"},
    )
    assert (task.status, task.result_message, task.progress) == ("COMPLETED", "two labels", "43%")


def test_ids_may_be_text(tracker: WorkflowTracker) -> None:
    run_id = a_run(tracker)
    task_id = tracker.add_task_to_workflow(str(run_id), "t", "1", {}, None)
    tracker.start_task(str(task_id))
    tracker.add_job_id(str(task_id), "78")
    tracker.fail_task(str(task_id), "no")
    tracker.fail_workflow(str(run_id), "no")
    assert tracker.repository.get(str(task_id)).job_ids == [78]
    assert tracker.repository.get(str(run_id)).error_message == "no"


@pytest.mark.parametrize("unknown", [f"{UUID(int=7)}", "nonsense", "", UUID(int=7)])
def test_an_id_that_nobody_gave_out_is_named(tracker: WorkflowTracker, unknown: str | UUID) -> None:
    with pytest.raises(UnknownRunError, match="there is no run"):
        tracker.complete_workflow(unknown)
    with pytest.raises(UnknownTaskError, match="there is no task"):
        tracker.start_task(unknown)


def test_a_task_is_no_run(tracker: WorkflowTracker) -> None:
    task_id = a_task(tracker)
    with pytest.raises(UnknownRunError):
        tracker.complete_workflow(task_id)


@pytest.mark.parametrize("job_id", [-1, 0, "none", None])
def test_what_is_no_job_id_is_refused(tracker: WorkflowTracker, job_id: int) -> None:
    task_id = a_task(tracker)
    with pytest.raises(ParameterError, match="not the id of a Slurm job"):
        tracker.add_job_id(task_id, job_id)
    assert tracker.repository.get(task_id).job_ids == []


def test_looking_again_writes_nothing(tracker: WorkflowTracker) -> None:
    task_id = a_task(tracker)
    tracker.start_task(task_id)
    before = len(events(tracker))
    for _ in range(3):
        tracker.start_task(task_id)
        tracker.update_task_status(task_id, "PENDING")
        tracker.update_task_progress(task_id, None)
        tracker.update_task_progress(task_id, "10%")
    assert events(tracker)[before:] == ["StatusUpdated", "ProgressUpdated"]


def test_the_same_status_of_another_job_is_news(tracker: WorkflowTracker) -> None:
    task_id = a_task(tracker)
    for job_id in (1, 2):
        tracker.add_job_id(task_id, job_id)
        tracker.update_task_status(task_id, "RUNNING")
    assert events(tracker).count("StatusUpdated") == 2


def test_runs_and_tasks_end_once(tracker: WorkflowTracker) -> None:
    run_id = a_run(tracker)
    task_id = a_task(tracker, run_id)
    tracker.fail_task(task_id, "out of memory")
    tracker.fail_workflow(run_id, "out of memory")
    before = len(events(tracker))
    tracker.complete_task(task_id, "late")
    tracker.update_task_status(task_id, "RUNNING")
    tracker.complete_workflow(run_id)
    tracker.start_workflow(run_id)
    assert len(events(tracker)) == before
    assert tracker.repository.get(task_id).result_message == "out of memory"


def test_whatever_a_script_passes_can_be_stored(tracker: WorkflowTracker, tmp_path: Path) -> None:
    odd: dict[Any, Any] = {
        "path": tmp_path,
        "bad": "a\0b\udcff",
        "nan": float("nan"),
        1: {2},
        "none": None,
        "id": uuid4(),
    }
    run_id = tracker.initiate_workflow("a\0b\udcff", "d", None, None)
    task_id = tracker.add_task_to_workflow(run_id, "t\0", "1", odd, odd)
    tracker.fail_task(task_id, ValueError("a\0\udcff"))  # type: ignore[arg-type] # scripts do
    tracker.add_result(task_id, SimpleNamespace(stdout=b"bytes"))
    params = tracker.repository.get(task_id).params
    assert params["path"] == str(tmp_path)
    assert params["bad"] == "a\\0b\\udcff"
    assert json.loads(json.dumps(params)) == params


def test_the_notification_log_is_read_as_documented(tracker: WorkflowTracker) -> None:
    for _ in range(30):
        a_task(tracker)
    tracker.notification_log.section_size = 100
    assert [n.id for n in tracker.notification_log.select(54, 10)] == list(range(54, 64))
    assert len(tracker.notification_log.select(start=1, limit=10)) == 10
    tracker.pull_and_process(leader_name=WorkflowTracker.__name__, start=1)


def test_changes_of_several_processes_are_all_kept(opened: Callable[[], Tracking]) -> None:
    first = opened().tracker
    assert isinstance(first, WorkflowTracker)
    run_id = a_run(first)
    problems: list[BaseException] = []

    def add_tasks() -> None:
        try:
            mine = opened().tracker
            assert isinstance(mine, WorkflowTracker)
            for _ in range(5):
                mine.complete_task(a_task(mine, run_id), "done")
        except BaseException as exc:  # noqa: BLE001 - told by the test's own thread
            problems.append(exc)

    threads = [threading.Thread(target=add_tasks) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    tasks = first.repository.get(run_id).tasks
    assert len(set(tasks)) == 15
    assert {first.repository.get(t).status for t in tasks} == {"COMPLETED"}
