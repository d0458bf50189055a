"""What the views show, while runs go on and after a rebuild."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from biomero.adapters.persistence.tables import table_of
from biomero.application.ports.views import Table
from biomero.application.run_record import RunRecord
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import RecordError
from services.old_record import load_events
from services.views import DOCUMENTED, all_rows, engine_of, rows

Opener = Callable[..., Tracking]
OLD_EVENTS = Path(__file__).parents[2] / "fixtures/record/biomero-2.8.3-events.jsonl"

COLUMNS = {
    Table.JOBS: ["slurm_job_id", "user", "group", "task_id"],
    Table.JOB_PROGRESS: ["slurm_job_id", "status", "progress"],
    Table.WORKFLOW_PROGRESS: [
        *(
            "workflow_id",
            "status",
            "progress",
            "user",
            "group",
            "name",
            "task",
            "main_task_name",
            "start_time",
        ),
    ],
    Table.TASK_EXECUTION: [
        *("task_id", "task_name", "task_version", "user_id", "group_id"),
        *("status", "start_time", "end_time", "error_type"),
    ],
}


def where(tracking: Tracking) -> tuple[str, str, str | None]:
    """Return the status, the progress and the task that the one run shows."""
    (row,) = rows(tracking, Table.WORKFLOW_PROGRESS)
    return row["status"], row["progress"], row["task"]


def a_task(tracker: WorkflowTracker, run_id: UUID, name: str) -> UUID:
    task_id = tracker.add_task_to_workflow(run_id, name, "1", "folder", {})
    tracker.start_task(task_id)
    return task_id


def test_the_documented_tables_have_the_documented_columns(tracking: Tracking) -> None:
    tracking.catch_up()
    inspected = sa.inspect(engine_of(tracking))
    for table, columns in COLUMNS.items():
        assert [c["name"] for c in inspected.get_columns(table.value)] == columns


def test_a_run_that_published_scripts_drive_shows_each_of_its_phases(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    seen = []
    run_id = tracker.initiate_workflow("My run", "d", 3, 4)
    seen.append(where(tracking))
    export = a_task(tracker, run_id, "_SLURM_Image_Transfer.py")
    seen.append(where(tracking))
    tracker.complete_task(export, "ok")
    conversion = a_task(tracker, run_id, "convert_zarr_to_tiff")
    seen.append(where(tracking))
    tracker.add_job_id(conversion, 77)
    tracker.update_task_status(conversion, "COMPLETED")
    tracker.complete_task(conversion, "ok")
    work = a_task(tracker, run_id, "cellpose")
    tracker.add_job_id(work, 78)
    for status, progress in (("PENDING", None), ("RUNNING", "43%"), ("COMPLETED", None)):
        tracker.update_task_status(work, status)
        tracker.update_task_progress(work, progress)
        seen.append(where(tracking))
    results = a_task(tracker, run_id, "SLURM_Get_Results.py")
    seen.append(where(tracking))
    tracker.update_task_status(results, "POSTPROCESSING")
    seen.append(where(tracking))
    tracker.complete_workflow(run_id)
    tracker.complete_task(results, "ok")
    tracker.complete_task(work, "ok")
    seen.append(where(tracking))

    assert seen == [
        ("INITIALIZING", "0%", None),
        ("TRANSFERRING", "5%", "_SLURM_Image_Transfer.py"),
        ("CONVERTING", "25%", "convert_zarr_to_tiff"),
        ("JOB_PENDING", "50%", "cellpose"),
        ("JOB_RUNNING", "67.2%", "cellpose"),
        ("JOB_COMPLETED", "67.2%", "cellpose"),
        ("RETRIEVING", "90%", "SLURM_Get_Results.py"),
        ("POSTPROCESSING", "95%", "SLURM_Get_Results.py"),
        ("DONE", "100%", "SLURM_Get_Results.py"),
    ]
    (run,) = rows(tracking, Table.WORKFLOW_PROGRESS)
    assert (run["name"], run["main_task_name"], run["user"], run["group"]) == ("My run", "cellpose", 3, 4)
    assert rows(tracking, Table.JOBS) == [
        {"slurm_job_id": 77, "user": 3, "group": 4, "task_id": conversion},
        {"slurm_job_id": 78, "user": 3, "group": 4, "task_id": work},
    ]
    assert [(j["status"], j["progress"]) for j in rows(tracking, Table.JOB_PROGRESS)] == [
        ("COMPLETED", None),
        ("COMPLETED", "43%"),
    ]
    tasks = rows(tracking, Table.TASK_EXECUTION)
    assert {(t["status"], t["user_id"], t["group_id"]) for t in tasks} == {("COMPLETED", 3, 4)}
    assert all(t["end_time"] >= t["start_time"] for t in tasks)


def test_a_failure_is_shown_with_what_it_said(tracking: Tracking, tracker: WorkflowTracker) -> None:
    run_id = tracker.initiate_workflow("n", "d", 3, 4)
    task_id = a_task(tracker, run_id, "stardist")
    tracker.add_job_id(task_id, 79)
    tracker.update_task_status(task_id, "TIMEOUT")
    tracker.fail_task(task_id, "it took too long")
    tracker.fail_workflow(run_id, "no good")
    assert where(tracking)[:2] == ("FAILED", "50%")
    (task,) = rows(tracking, Table.TASK_EXECUTION)
    assert (task["status"], task["error_type"]) == ("FAILED", "it took too long")
    assert tracking.workflow_analytics.get_task_failures() == {("stardist", "1"): ["it took too long"]}


def test_the_documented_questions_are_answered(tracking: Tracking, tracker: WorkflowTracker) -> None:
    for user, job_id in ((3, 1), (3, 2), (5, 3)):
        run_id = tracker.initiate_workflow("n", "d", user, user + 1)
        task_id = a_task(tracker, run_id, "cellpose")
        tracker.add_job_id(task_id, job_id)
        tracker.complete_task(task_id, "ok")
    accounting, analytics = tracking.job_accounting, tracking.workflow_analytics
    assert accounting.get_jobs() == {3: [1, 2], 5: [3]}
    assert accounting.get_jobs(user=3) == accounting.get_jobs(group=4) == {3: [1, 2]}
    assert accounting.get_jobs(user=9) == {}
    assert accounting.get_task_id(3) == task_id
    assert accounting.get_task_id(99) is None
    assert analytics.get_task_counts() == {("cellpose", "1"): 3}
    assert analytics.get_task_counts(user=5, group=6) == {("cellpose", "1"): 1}
    assert analytics.get_average_task_duration()["cellpose", "1"] >= 0
    today = datetime.now(UTC).date().isoformat()
    assert analytics.get_task_usage_over_time("cellpose") == {today: 3}
    head = tracker.recorder.max_notification_id()
    for view in (accounting, tracking.job_progress, tracking.workflow_progress, analytics):
        view.pull_and_process(leader_name="WorkflowTracker", start=1)
        assert view.recorder.max_tracking_id(application_name="WorkflowTracker") == head
        assert view.recorder.max_tracking_id(application_name="somebody else") is None


def engine_run(record: RunRecord, *, cluster: str | None, job_id: int) -> WorkflowRun:
    request = {
        "images": [{"index": 0}],
        "cluster": cluster,
        "workflow_name": "Nuclei",
        "workflow_version": "v1",
    }
    run_id = record.start(name="Nuclei", description="d", request=request)
    key = f"biomero-{run_id}-workflow"
    record.change(run_id, lambda run: run.advance(RunStatus.QUEUED))
    record.change(run_id, lambda run: run.request_job(key, "workflow"))
    record.change(run_id, lambda run: run.submit_job(key, {"key": key, "job_id": job_id}))
    for states in (("PENDING", "PENDING"), ("RUNNING", "PENDING"), ("COMPLETED", "OUT_OF_MEMORY")):
        tasks = [{"state": state, "reason": ""} for state in states]
        record.change(run_id, lambda run, t=tasks: run.report_job(key, t))  # type: ignore[misc] # mypy infers no type for a lambda's default
    return record.change(run_id, lambda run: run.fail({"message": "out of memory"}))


def test_a_run_of_our_own_engine_is_shown_in_the_documented_words(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    run = engine_run(RunRecord(tracker), cluster="lisa", job_id=500)
    (row,) = rows(tracking, Table.WORKFLOW_PROGRESS)
    assert (row["status"], row["progress"], row["main_task_name"]) == ("FAILED", "50%", "Nuclei")
    assert rows(tracking, Table.JOB_PROGRESS) == [
        {"slurm_job_id": 500, "status": "OUT_OF_MEMORY", "progress": "100%"}
    ]
    (task,) = rows(tracking, Table.TASK_EXECUTION)
    assert (task["task_name"], task["task_version"], task["status"], task["error_type"]) == (
        *("Nuclei", "v1", "FAILED", "OUT_OF_MEMORY"),
    )
    assert tracking.job_accounting.get_task_id(500) == task["task_id"]
    assert run.status is RunStatus.FAILED


def test_what_this_machine_ran_by_itself_is_no_slurm_job(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    engine_run(RunRecord(tracker), cluster=None, job_id=1)
    assert rows(tracking, Table.JOBS) == rows(tracking, Table.JOB_PROGRESS) == []
    assert len(rows(tracking, Table.TASK_EXECUTION)) == 1


def test_a_run_that_was_paused_goes_on_where_it_stood(tracking: Tracking, tracker: WorkflowTracker) -> None:
    record = RunRecord(tracker)
    run_id = record.start(name="n", description="d", request={"images": []})
    seen = []
    record.change(run_id, lambda run: run.advance(RunStatus.FETCHING))
    for decide in (lambda run: run.pause({"message": "away"}), WorkflowRun.resume, WorkflowRun.cancel):
        record.change(run_id, decide)
        seen.append(where(tracking)[0])
    assert seen == ["PAUSED", "RETRIEVING", "CANCELLED"]


def test_a_job_id_that_is_given_out_again_belongs_to_the_new_task(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    first, second = (tracker.initiate_workflow("n", "d", user, 1) for user in (3, 4))
    for run_id in (first, second):
        task_id = a_task(tracker, run_id, "cellpose")
        tracker.add_job_id(task_id, 7)
        if run_id == first:
            tracker.update_task_status(task_id, "COMPLETED")
    assert rows(tracking, Table.JOBS) == [{"slurm_job_id": 7, "user": 4, "group": 1, "task_id": task_id}]
    assert rows(tracking, Table.JOB_PROGRESS) == []  # nobody has said anything of the new job


def test_each_step_of_a_run_may_be_another_process(opened: Opener) -> None:
    def tracker() -> WorkflowTracker:
        made = opened().tracker
        assert isinstance(made, WorkflowTracker)
        return made

    run_id = tracker().initiate_workflow("n", "d", 3, 4)
    task_id = tracker().add_task_to_workflow(run_id, "cellpose", "1", "x", {})
    tracker().add_job_id(task_id, 9)
    tracker().update_task_status(task_id, "RUNNING")
    tracker().complete_task(task_id, "ok")
    tracker().complete_workflow(run_id)
    last = opened()
    assert where(last) == ("DONE", "100%", "cellpose")
    assert last.job_accounting.get_jobs() == {3: [9]}


def test_views_that_several_processes_wrote_equal_rebuilt_ones(opened: Opener) -> None:
    problems: list[BaseException] = []

    def drive(number: int) -> None:
        try:
            tracker = opened().tracker
            assert isinstance(tracker, WorkflowTracker)
            for k in range(3):
                run_id = tracker.initiate_workflow(f"run {number} {k}", "d", number, 1)
                task_id = a_task(tracker, run_id, "cellpose")
                tracker.add_job_id(task_id, 100 * number + k + 1)
                tracker.update_task_status(task_id, "RUNNING")
                tracker.complete_workflow(run_id)
        except BaseException as exc:  # noqa: BLE001 - told by the test's own thread
            problems.append(exc)

    threads = [threading.Thread(target=drive, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    last = opened()
    live = all_rows(last)
    assert len(live["biomero_job_view"]) == 12
    last.rebuild()
    assert all_rows(last) == live


def test_who_reads_while_views_are_rebuilt_always_sees_whole_ones(opened: Opener) -> None:
    tracking = opened()
    assert isinstance(tracking.tracker, WorkflowTracker)
    for _ in range(20):
        tracking.tracker.initiate_workflow("n", "d", 3, 4)
    counts, stop = set(), threading.Event()

    def read() -> None:
        reader = opened(track_workflows=True)
        while not stop.is_set():
            counts.add(len(rows(reader, Table.WORKFLOW_PROGRESS)))

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(10):
        tracking.rebuild()
    stop.set()
    thread.join()
    assert counts == {20}


def test_a_view_that_cannot_be_written_does_not_stop_a_run_and_catches_up(
    opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    tracking = opened()
    tracker = tracking.tracker
    assert isinstance(tracker, WorkflowTracker)
    run_id = tracker.initiate_workflow("n", "d", 3, 4)
    rename = "ALTER TABLE biomero_workflow_progress_view RENAME TO {}"
    with engine_of(tracking).begin() as connection:
        connection.execute(sa.text(rename.format("elsewhere")))
    tracker.complete_workflow(run_id)
    assert "views will catch up later" in caplog.text
    with pytest.raises(RecordError):
        tracking.catch_up()
    with engine_of(tracking).begin() as connection:
        connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO biomero_workflow_progress_view"))
    tracking.catch_up()
    assert where(tracking)[0] == "DONE"


def test_a_view_that_is_switched_off_stands_still_and_catches_up_when_switched_on(opened: Opener) -> None:
    without = opened(enable_job_accounting=False, enable_workflow_analytics=False)
    assert isinstance(without.tracker, WorkflowTracker)
    run_id = without.tracker.initiate_workflow("n", "d", 3, 4)
    task_id = a_task(without.tracker, run_id, "cellpose")
    without.tracker.add_job_id(task_id, 5)
    assert len(rows(without, Table.WORKFLOW_PROGRESS)) == 1
    assert rows(without, Table.JOBS) == rows(without, Table.TASK_EXECUTION) == []
    whole = opened()
    whole.catch_up()
    assert whole.job_accounting.get_jobs() == {3: [5]}
    without.tracker.complete_task(task_id, "ok")
    whole.catch_up()
    live = all_rows(whole)
    whole.rebuild()
    assert all_rows(whole) == live


def test_where_tracking_is_off_every_call_is_there_and_does_nothing(opened: Opener) -> None:
    off = opened(track_workflows=False)
    assert off.tracker.initiate_workflow("n", "d", 3, 4) is None
    assert off.tracker.repository.get("x") is None
    assert list(off.tracker.notification_log.select(1, 10)) == []
    off.catch_up()
    off.rebuild()
    assert off.job_accounting.get_jobs() == {}
    assert off.job_accounting.get_task_id(1) is None
    assert off.workflow_analytics.get_task_counts() == {}
    assert off.workflow_progress.recorder.max_tracking_id("WorkflowTracker") is None


def test_a_rebuild_may_leave_out_what_is_old(tracking: Tracking, tracker: WorkflowTracker) -> None:
    load_old_events(tracking)
    whole = {t: len(rows(tracking, t)) for t in DOCUMENTED}
    run_id = tracker.initiate_workflow("new", "d", 3, 4)
    tracker.add_job_id(a_task(tracker, run_id, "cellpose"), 5)
    recent = _newest_old_moment() + timedelta(seconds=1)
    tracking.rebuild(since=recent)
    assert {t: len(rows(tracking, t)) for t in DOCUMENTED} == {
        Table.JOBS: 1,
        Table.JOB_PROGRESS: 0,
        Table.WORKFLOW_PROGRESS: 1,
        Table.TASK_EXECUTION: 1,
    }
    tracking.rebuild()
    assert len(rows(tracking, Table.JOBS)) == whole[Table.JOBS] + 1


def _old_events() -> list[dict[str, Any]]:
    return [json.loads(line) for line in OLD_EVENTS.read_text().splitlines()]


def _newest_old_moment() -> datetime:
    return max(datetime.fromisoformat(e["state"]["timestamp"]["_data_"]) for e in _old_events())


def load_old_events(tracking: Tracking) -> None:
    """Put what BIOMERO 2.8.3 itself wrote into an empty database."""
    tracker = tracking.tracker
    assert isinstance(tracker, WorkflowTracker)
    load_events(tracker, engine_of(tracking))
    tracking.catch_up()


def test_what_biomero_2_wrote_is_read_shown_and_gone_on_with(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    load_old_events(tracking)
    runs = [UUID(e["originator_id"]) for e in _old_events() if e["topic"].endswith("WorkflowInitiated")]
    assert [tracker.repository.get(r).status for r in runs] == [
        RunStatus.DONE,
        RunStatus.FAILED,
        RunStatus.SUBMITTED,
    ]
    shown = {
        row["name"]: (row["status"], row["main_task_name"]) for row in rows(tracking, Table.WORKFLOW_PROGRESS)
    }
    assert shown == {
        "My run": ("DONE", "cellpose"),
        "Failing": ("FAILED", "stardist"),
        "Imp": ("CONVERTING", "SLURM_Run_Workflow.py"),
    }
    assert tracking.job_accounting.get_jobs() == {3: [77, 78, 79]}
    jobs = {row["slurm_job_id"]: row["status"] for row in rows(tracking, Table.JOB_PROGRESS)}
    assert jobs == {77: "COMPLETED", 78: "COMPLETED", 79: "TIMEOUT"}
    tracker.complete_workflow(runs[2])
    assert tracker.repository.get(runs[2]).status is RunStatus.DONE


def test_tables_that_biomero_2_left_are_made_right(tracking: Tracking) -> None:
    tracking.catch_up()
    with engine_of(tracking).begin() as connection:
        connection.execute(sa.text("DELETE FROM biomero_view_position WHERE view <> 'lock'"))
        stale = {"slurm_job_id": 1, "user": 1, "group": 1, "task_id": None}
        connection.execute(sa.insert(table_of(Table.JOBS)), stale)
    load_old_events(tracking)
    assert [row["slurm_job_id"] for row in rows(tracking, Table.JOBS)] == [77, 78, 79]


def test_an_event_that_no_view_understands_stops_none(
    tracking: Tracking, tracker: WorkflowTracker, caplog: pytest.LogCaptureFixture
) -> None:
    record = RunRecord(tracker)
    run_id = record.start(name="n", description="d", request={"images": [], "cluster": "lisa"})
    record.change(run_id, lambda run: run.request_job("k", "workflow"))
    record.change(run_id, lambda run: run.submit_job("k", {"key": "k", "job_id": 5}))
    record.change(run_id, lambda run: run.report_job("k", [{"state": "OF_A_LATER_RELEASE", "reason": ""}]))
    record.change(run_id, WorkflowRun.complete)
    assert where(tracking)[0] == "DONE"
    assert "JobProgress leaves out event" in caplog.text
