"""What our own views show of runs, images, jobs, outputs and events."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from biomero.application.ports.views import Table
from biomero.application.run_record import RunRecord
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.domain.ids import RunId
from biomero.domain.job import JobState, JobUsage, TaskReport
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import WorkflowRun
from services.views import all_rows, events, rows

RESOURCES = {"cpus": 4, "memory_mb": 2048, "partition": "gpu", "gres": "gpu:a100:2", "time_limit_min": 30}


def shown(tracking: Tracking, table: Table, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows(tracking, table)]


def report(index: int | None, state: str, **usage: object) -> dict[str, object]:
    ended = {"exit_code": 0, "signal": 0} if usage else {"exit_code": None, "signal": None}
    return {"index": index, "state": state, "reason": "", **ended, "usage": usage}


class Driven:
    """A run as our engine records it."""

    def __init__(self, tracker: WorkflowTracker, *, images: int = 2, cluster: str | None = "lisa") -> None:
        self.record = RunRecord(tracker)
        request = {
            "workflow": "nuclei@v1",
            "workflow_name": "Nuclei",
            "workflow_version": "v1",
            "cluster": cluster,
            "requested_by": "ada",
            "images": [{"index": i, "name": f"i{i}", "path": f"/data/{i}.tif"} for i in range(images)],
        }
        self.id: RunId = self.record.start(name="Nuclei", description="d", request=request)

    def do(self, decide: Callable[[WorkflowRun], None]) -> None:
        self.record.change(self.id, decide)

    def job(self, step: str, *, job_id: int, array_size: int | None = None) -> str:
        key = f"biomero-{self.id}-{step}"
        job = {"key": key, "job_id": job_id, "array_size": array_size}
        self.do(lambda run: run.request_job(key, step, resources=RESOURCES, array_size=array_size))
        self.do(lambda run: run.submit_job(key, job))
        return key


def test_names_and_numbers_are_shown_as_recorded(tracking: Tracking, tracker: WorkflowTracker) -> None:
    name = """a "b" 'c' \\ \\u0000 \n é 🔬 {"d": null} %s :e [1]"""
    tracker.initiate_workflow(name, "d", 3, 4)
    assert shown(tracking, Table.RUNS, "name") == [(name,)]
    run = Driven(tracker)
    run.do(lambda r: r.request_job("key", "cellpose", resources={"memory_mb": 2047.6}))
    # where the column is for whole numbers, such a thing shall not stop the views
    ((memory_mb,),) = shown(tracking, Table.RUN_JOBS, "requested_memory_mb")
    assert round(memory_mb) == 2048
    run.do(lambda r: r.request_job("other", "cellpose", resources={"memory_mb": float("nan")}))
    assert sorted(shown(tracking, Table.RUN_JOBS, "requested_memory_mb"), key=str)[1:] == [(None,)]


def test_a_run_is_shown_from_its_request_to_its_end(tracking: Tracking, tracker: WorkflowTracker) -> None:
    run = Driven(tracker)
    columns = ("status", "step", "images_total", "images_done", "images_failed")
    assert shown(tracking, Table.RUNS, *columns) == [("submitted", "submitted", 2, 0, 0)]
    run.do(lambda r: r.advance(RunStatus.EXPORTING))
    run.do(lambda r: r.hash_image(0, "ab"))
    run.do(lambda r: r.prepare_program("sha256:12", ["x"]))
    run.do(lambda r: r.fail_images({1: {"failure_class": "data", "message": "damaged"}}))
    run.do(lambda r: r.pause({"failure_class": "transfer", "message": "no space"}))
    assert shown(tracking, Table.RUNS, "status", "step", "failure_class", "failure_message") == [
        ("paused", "exporting", "transfer", "no space")
    ]
    run.do(WorkflowRun.resume)
    assert shown(tracking, Table.RUNS, "status", "failure_class", "ended_at") == [("exporting", None, None)]
    run.do(lambda r: r.advance_images([0], ImageStage.DELIVERED))
    outputs = [{"path": "0.tif", "kind": "label", "sha256": "cd", "size": 9, "image": 0}]
    run.do(lambda r: r.deliver([*outputs, {"path": "t.csv"}], []))
    run.do(lambda r: r.deliver(outputs, ["t.csv is none"]))
    run.do(WorkflowRun.complete)

    assert shown(tracking, Table.RUNS, *columns) == [("done", "exporting", 2, 1, 1)]
    (row,) = rows(tracking, Table.RUNS)
    assert (row["workflow"], row["workflow_version"], row["requested_by"]) == ("Nuclei", "v1", "ada")
    assert (row["cluster"], row["container_digest"]) == ("lisa", "sha256:12")
    assert row["requested_at"] <= row["started_at"] <= row["ended_at"]
    assert shown(tracking, Table.RUN_IMAGES, "image_index", "source", "sha256", "stage", "failure_class") == [
        (0, "/data/0.tif", "ab", "delivered", None),
        (1, "/data/1.tif", None, None, "data"),
    ]
    assert shown(tracking, Table.RUN_OUTPUTS, "path", "kind", "sha256", "size", "image_index") == [
        ("0.tif", "label", "cd", 9, 0)
    ]


def test_a_run_that_is_tried_again_is_shown_as_open(tracking: Tracking, tracker: WorkflowTracker) -> None:
    run = Driven(tracker)
    run.do(lambda r: r.advance(RunStatus.IMPORTING))
    run.do(lambda r: r.fail_images({1: {"failure_class": "data", "message": "damaged"}}))
    run.do(lambda r: r.advance_images([0], ImageStage.DELIVERED))
    run.do(WorkflowRun.hold)
    columns = ("status", "images_done", "images_failed", "failure_class", "ended_at")
    assert shown(tracking, Table.RUNS, *columns) == [("paused", 1, 1, None, None)]
    run.do(WorkflowRun.resume)
    run.do(WorkflowRun.complete)
    again = {"status": RunStatus.SUBMITTED, "images": [0, 1], "is_new_round": True}
    run.do(lambda r: r.request_retry("ada", **again))  # type: ignore[arg-type] # of one type each
    assert shown(tracking, Table.RUNS, *columns) == [("submitted", 0, 0, None, None)]
    assert shown(tracking, Table.RUN_IMAGES, "image_index", "stage", "failure_class") == [
        (0, None, None),
        (1, None, None),
    ]


def test_array_tasks_are_shown_one_by_one_and_jobs_of_two_clusters_beside_each_other(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    first, second = Driven(tracker), Driven(tracker, cluster=None)
    key = first.job("conversion", job_id=7, array_size=2)
    other = second.job("workflow", job_id=7)
    first.do(lambda r: r.report_job(key, [report(0, "RUNNING"), report(1, "PENDING")]))
    used = {"elapsed_s": 10, "cpu_s": 25.0, "max_memory_mb": 300.5, "node": "n1"}
    ended = [report(0, "COMPLETED", **used), report(1, "OUT_OF_MEMORY", elapsed_s=3, node="n2")]
    first.do(lambda r: r.report_job(key, ended))
    second.do(lambda r: r.report_job(other, [report(None, "RUNNING")]))

    said = ("cluster", "step", "job_id", "task_index", "state", "node", "wall_s", "cpu_s", "max_memory_mb")
    assert sorted(shown(tracking, Table.RUN_JOBS, *said), key=str) == [
        ("lisa", "conversion", 7, 0, "COMPLETED", "n1", 10, 25.0, 300.5),
        ("lisa", "conversion", 7, 1, "OUT_OF_MEMORY", "n2", 3, None, None),
        ("local", "workflow", 7, -1, "RUNNING", None, None, None, None),
    ]
    asked = ("requested_cpus", "requested_memory_mb", "requested_time_min", "partition", "gpus")
    assert set(shown(tracking, Table.RUN_JOBS, *asked)) == {(4, 2048, 30, "gpu", 2)}
    for row in rows(tracking, Table.RUN_JOBS):
        assert row["submitted_at"] <= row["started_at"]
        assert (row["ended_at"] is None) == (row["state"] == "RUNNING")


def test_jobs_of_scripts_are_shown_and_a_second_job_of_a_task_does_not_hide_the_first(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    run_id = tracker.initiate_workflow("My run", "d", 3, 4)
    task_id = tracker.add_task_to_workflow(run_id, "cellpose", "v2", "x", {})
    tracker.add_job_id(task_id, 77)
    tracker.update_task_status(task_id, "TIMEOUT")
    tracker.add_job_id(task_id, 78)
    tracker.update_task_status(task_id, "COMPLETED")
    tracker.update_task_status(task_id, "POSTPROCESSING")
    tracker.complete_workflow(run_id)
    assert shown(tracking, Table.RUN_JOBS, "job_id", "step", "state") == [
        (77, "cellpose", "TIMEOUT"),
        (78, "cellpose", "COMPLETED"),
    ]
    (run,) = rows(tracking, Table.RUNS)
    assert (run["workflow"], run["workflow_version"], run["user_id"], run["status"]) == (
        *("cellpose", "v2", 3),
        "done",
    )


def test_the_timeline_has_a_line_for_every_event_in_their_order(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    run = Driven(tracker, images=1)
    key = run.job("workflow", job_id=9)
    run.do(lambda r: r.report_job(key, [report(None, "RUNNING")]))
    run.do(lambda r: r.fail({"failure_class": "node", "message": "a node\ndied"}))
    task_id = tracker.add_task_to_workflow(UUID(run.id), "cellpose", "v2", "x", {})
    tracker.complete_task(task_id, "ok")
    lines = sorted(rows(tracking, Table.TIMELINE), key=lambda row: row["position"])
    assert [line["kind"] for line in lines] == [name for name in events(tracker) if name != "TaskAdded"]
    assert {str(line["run_id"]) for line in lines} == {run.id}
    assert [line["text"] for line in lines] == [
        "run of Nuclei",
        "ada asks for Nuclei on 1 image, at lisa",
        "a workflow job is to be submitted",
        "job 9 was submitted",
        "job RUNNING",
        "failure, node: a node died",
        "the run failed: a node died",
        "task cellpose v2",
        "the task is done: ok",
    ]


def test_a_job_that_was_recorded_before_resources_were_is_still_read(tracker: WorkflowTracker) -> None:
    run = Driven(tracker)
    run.job("workflow", job_id=9)
    stored = next(e for e in tracker.recorder.select_events(UUID(run.id)) if e.topic.endswith("JobRequested"))
    state = json.loads(stored.state)
    for newer in ("resources", "array_size", "class_version"):
        del state[newer]
    event = tracker.mapper.to_domain_event(replace(stored, state=json.dumps(state).encode()))
    assert isinstance(event, WorkflowRun.JobRequested)
    assert (event.step, event.resources, event.array_size) == ("workflow", {}, None)


def test_who_let_a_run_go_on_is_told_and_unknown_in_older_records(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    run = Driven(tracker)
    for name in ("", "bob"):
        run.do(lambda r: r.pause({"failure_class": "transfer", "message": "no space"}))
        run.do(lambda r, by=name: r.resume(by))  # type: ignore[misc] # mypy infers no type for a lambda's default
    texts = [row["text"] for row in rows(tracking, Table.TIMELINE)]
    assert [text for text in texts if "go on" in text or "goes on" in text] == [
        "the run goes on",
        "bob lets the run go on",
    ]
    stored = next(e for e in tracker.recorder.select_events(UUID(run.id)) if e.topic.endswith("RunResumed"))
    state = json.loads(stored.state)
    del state["requested_by"], state["class_version"]
    event = tracker.mapper.to_domain_event(replace(stored, state=json.dumps(state).encode()))
    assert isinstance(event, WorkflowRun.RunResumed)
    assert event.requested_by == ""


def test_what_accounting_says_of_a_job_is_shown_and_what_it_does_not_say_is_empty(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    run = Driven(tracker)
    key = run.job("workflow", job_id=9, array_size=2)
    start = int(datetime.now(UTC).timestamp()) + 60
    used = {
        "elapsed_s": 10,
        "partition": "big",
        "started_at": start,
        "waited_s": 5,
        "allocated_cpus": 8,
        "allocated_memory_mb": 4096.0,
        "gpus": 3,
        "energy_j": 500.0,
    }
    run.do(lambda r: r.report_job(key, [report(0, "COMPLETED", **used), report(1, "COMPLETED")]))
    columns = ("waited_s", "allocated_cpus", "allocated_memory_mb", "energy_j", "started_at")
    began = datetime.fromtimestamp(start, UTC).replace(tzinfo=None)
    assert shown(tracking, Table.RUN_JOBS, *columns) == [
        (5.0, 8, 4096.0, 500.0, began),
        (None, None, None, None, None),
    ]
    # of the second one, what was asked for is all that is known
    assert shown(tracking, Table.RUN_JOBS, "partition", "gpus") == [("big", 3), ("gpu", 2)]
    live = all_rows(tracking)
    tracking.rebuild()
    assert all_rows(tracking) == live


def test_jobs_of_scripts_are_shown_with_what_they_used(tracking: Tracking, tracker: WorkflowTracker) -> None:
    run_id = tracker.initiate_workflow("n", "d", 3, 4)
    tasks = [tracker.add_task_to_workflow(run_id, name, "1", "x", {}) for name in ("conversion", "cellpose")]
    for task_id, job_id in zip(tasks, (7, 8), strict=True):
        tracker.add_job_id(task_id, job_id)
        tracker.update_task_status(task_id, "RUNNING")
    used = JobUsage(elapsed_s=4, cpu_s=8.0, node="n1", partition="main", allocated_cpus=2)
    ended = [TaskReport(index=i, state=JobState.COMPLETED, exit_code=0, usage=used) for i in range(2)]
    tracker.end_job(tasks[0], 7, ended)
    tracker.end_job(tasks[1], 8, [TaskReport(index=None, state=JobState.TIMEOUT, usage=used)])
    count = len(events(tracker))
    tracker.end_job(tasks[1], 8, [TaskReport(index=None, state=JobState.TIMEOUT, usage=used)])
    tracker.end_job(tasks[1], 99, ended)  # no job of this task
    assert len(events(tracker)) == count
    for task_id, state in zip(tasks, ("COMPLETED", "TIMEOUT"), strict=True):
        tracker.update_task_status(task_id, state)  # as scripts say it after they waited
        tracker.complete_task(task_id, "ok")
    columns = ("job_id", "task_index", "state", "wall_s", "cpu_s", "allocated_cpus", "partition", "exit_code")
    assert sorted(shown(tracking, Table.RUN_JOBS, *columns)) == [
        (7, 0, "COMPLETED", 4.0, 8.0, 2, "main", 0),
        (7, 1, "COMPLETED", 4.0, 8.0, 2, "main", 0),
        (8, -1, "TIMEOUT", 4.0, 8.0, 2, "main", None),
    ]
    assert [row["status"] for row in rows(tracking, Table.JOB_PROGRESS)] == ["COMPLETED", "TIMEOUT"]
    live = all_rows(tracking)
    tracking.rebuild()
    assert all_rows(tracking) == live


def test_a_large_array_is_read_in_a_few_statements_and_equals_a_rebuild(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    run = Driven(tracker)
    key = run.job("workflow", job_id=9, array_size=1200)
    run.do(lambda r: r.report_job(key, [report(i, "COMPLETED", elapsed_s=i) for i in range(1200)]))
    live = all_rows(tracking)
    assert len(live[Table.RUN_JOBS.value]) == 1200
    tracking.rebuild()
    assert all_rows(tracking) == live
