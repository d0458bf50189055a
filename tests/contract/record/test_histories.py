"""Whatever happens to runs: views that followed the record equal views made anew from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biomero.application.run_record import RunRecord
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.domain.job import JobState, JobUsage, TaskReport
from biomero.domain.run_status import ImageStage, RunStatus
from services.views import all_rows

TASKS = (
    "_SLURM_Image_Transfer.py",
    "convert_zarr_to_tiff",
    "cellpose",
    "SLURM_Get_Results.py",
    "SLURM_Import_Results.py",
)
STATES = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "POSTPROCESSING", "")
ENGINE_STATES = ("PENDING", "RUNNING", "COMPLETED", "OUT_OF_MEMORY", "NODE_FAIL")
STAGES = (ImageStage.EXPORTED, ImageStage.STAGED, ImageStage.DELIVERED)
STEPS = (RunStatus.EXPORTING, RunStatus.CONVERTING, RunStatus.QUEUED, RunStatus.FETCHING)

USED = JobUsage(elapsed_s=4, partition="gpu", gpus=2, allocated_cpus=4, started_at=1_800_000_000)
ENDS = (
    (TaskReport(index=None, state=JobState.COMPLETED, usage=USED),),
    (TaskReport(index=None, state=JobState.TIMEOUT),),
    tuple(TaskReport(index=i, state=JobState.FAILED, usage=USED) for i in range(2)),
)

small = st.integers(0, 2)
script_step = st.one_of(
    st.tuples(st.just("run")),
    st.tuples(st.just("task"), small, st.sampled_from(TASKS)),
    st.tuples(st.just("start_task"), small),
    st.tuples(st.just("add_job_id"), small, st.integers(1, 3)),
    st.tuples(st.just("end_job"), small, st.integers(1, 3), st.sampled_from(ENDS)),
    st.tuples(st.just("update_task_status"), small, st.sampled_from(STATES)),
    st.tuples(st.just("update_task_progress"), small, st.sampled_from(("3%", "99 %", "soon", None))),
    st.tuples(st.just("complete_task"), small, st.just("ok")),
    st.tuples(st.just("fail_task"), small, st.just("no")),
    st.tuples(st.just("start_workflow"), small),
    st.tuples(st.just("complete_workflow"), small),
    st.tuples(st.just("fail_workflow"), small, st.just("no")),
)
engine_step = st.one_of(
    st.tuples(st.just("engine run"), st.sampled_from((None, "lisa"))),
    st.tuples(st.just("advance"), small, st.sampled_from(STEPS)),
    st.tuples(
        st.just("job"),
        small,
        st.sampled_from(("conversion", "workflow")),
        st.integers(1, 4),
        st.sampled_from((None, 1, 3)),
    ),
    st.tuples(
        st.just("report"),
        small,
        st.sampled_from(("conversion", "workflow")),
        st.lists(st.sampled_from(ENGINE_STATES), max_size=3),
    ),
    st.tuples(st.just("images"), small, st.lists(small, min_size=1, unique=True), st.sampled_from(STAGES)),
    st.tuples(st.just("bad images"), small, st.lists(small, min_size=1, unique=True)),
    st.tuples(st.just("outputs"), small, st.integers(0, 3)),
    st.tuples(st.just("pause"), small),
    st.tuples(st.just("resume"), small),
    st.tuples(st.just("cancel"), small),
    st.tuples(st.just("end"), small, st.booleans()),
)
histories = st.lists(st.one_of(script_step, engine_step), max_size=25)


@dataclass
class World:
    """Runs and tasks that a history has made so far; a step about one that is not there does nothing."""

    tracker: WorkflowTracker
    runs: list[UUID]
    tasks: list[UUID]

    def do(self, step: tuple[Any, ...]) -> None:
        name, *rest = step
        if name == "run":
            self.runs.append(self.tracker.initiate_workflow("n", "d", len(self.runs), 1))
        elif name == "engine run":
            images = [{"index": i, "path": f"/d/{i}.tif"} for i in range(2)]
            request = {"images": images, "cluster": rest[0], "workflow_name": "w", "workflow_version": "1"}
            record = RunRecord(self.tracker)
            self.runs.append(UUID(record.start(name="w", description="d", request=request)))
        elif hasattr(self.tracker, name):
            about = self.tasks if "task" in name or "job" in name else self.runs
            if rest[0] < len(about):
                getattr(self.tracker, name)(about[rest[0]], *rest[1:])
        elif rest[0] < len(self.runs):
            self._change(self.runs[rest[0]], name, rest[1:])

    def _change(self, run_id: UUID, name: str, rest: list[Any]) -> None:
        record = RunRecord(self.tracker)
        run_name = record.get(str(run_id)).run_id  # type: ignore[arg-type] # a run's id as text
        if name == "task":
            self.tasks.append(self.tracker.add_task_to_workflow(run_id, rest[0], "1", "x", {}))
        elif name == "job":
            key = f"biomero-{run_id}-{rest[0]}"
            job = {"key": key, "job_id": rest[1], "array_size": rest[2]}
            record.change(run_name, lambda run: run.request_job(key, rest[0], resources={"cpus": 2}))
            record.change(run_name, lambda run: run.submit_job(key, job))
        elif name == "report":
            key = f"biomero-{run_id}-{rest[0]}"
            is_array = (record.get(run_name).jobs.get(key, {}).get("job") or {}).get("array_size")
            states = enumerate(rest[1] if is_array else rest[1][:1])
            tasks = [
                {
                    "state": s,
                    "reason": "",
                    "index": i if is_array else None,
                    "usage": {"elapsed_s": 5, "gpus": 1},
                }
                for i, s in states
            ]
            if key in record.get(run_name).jobs:
                record.change(run_name, lambda run: run.report_job(key, tasks))
        elif name == "images":
            record.change(run_name, lambda run: run.advance_images(rest[0], rest[1]))
        elif name == "bad images":
            why = {"failure_class": "data", "message": "no"}
            record.change(run_name, lambda run: run.fail_images(dict.fromkeys(rest[0], why)))
        elif name == "outputs":
            outputs = [{"path": f"{n}.tif", "kind": "label", "image": 0} for n in range(rest[0])]
            record.change(run_name, lambda run: run.deliver(outputs, []))
        elif name == "end":
            record.change(
                run_name,
                lambda run: (
                    run.complete() if rest[0] else run.fail({"message": "no", "failure_class": "bug"})
                ),
            )
        elif name == "pause":
            record.change(run_name, lambda run: run.pause({"message": "away"}))
        else:
            record.change(run_name, lambda run: getattr(run, name)(*rest))


@pytest.fixture
def followed(opened: Callable[[], Tracking]) -> Tracking:
    return opened()


@pytest.mark.slow
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories, restarts=st.sets(st.integers(0, 24), max_size=3))
def test_views_that_followed_equal_views_made_anew(
    followed: Tracking, history: list[tuple[Any, ...]], restarts: set[int]
) -> None:
    # examples go on in the same database, where the runs of earlier ones are
    tracker = followed.tracker
    assert isinstance(tracker, WorkflowTracker)
    follow = tracker.followers[:]
    world = World(tracker, [], [])
    for number, step in enumerate(history):
        # every now and then views lag behind, as if their process had died, and catch up in one go
        tracker.followers[:] = [] if number in restarts else follow
        world.do(step)
    tracker.followers[:] = follow
    followed.catch_up()
    live = all_rows(followed)
    followed.rebuild()
    assert all_rows(followed) == live
