"""A database that BIOMERO 2.8.3 wrote, opened by us, and read by BIOMERO 2.8.3 again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from biomero.application.ports.views import Table
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.domain.run_status import RunStatus
from migration.conftest import OldStore, Opener
from services import biomero_2
from services.histories import PLAIN, play
from services.views import DOCUMENTED, all_rows, engine_of, events, rows

pytestmark = pytest.mark.slow


def tracker_of(tracking: Tracking) -> WorkflowTracker:
    assert isinstance(tracking.tracker, WorkflowTracker)
    return tracking.tracker


def test_its_runs_and_tasks_are_there_as_it_reads_them_itself(old: OldStore, opened: Opener) -> None:
    theirs = biomero_2.read(old.url, [str(i) for i in old.ids.values()])
    tracker = tracker_of(opened(old.url))
    for one in old.ids.values():
        ours = tracker.repository.get(one)
        # of what they do not keep, nothing can be compared: their runs have no status
        said = {name: getattr(ours, name) for name in theirs[str(one)] if name != "status"}
        assert _as_text(said) == {k: v for k, v in theirs[str(one)].items() if k != "status"}
    assert {
        name: tracker.repository.get(old.ids[name]).status for name in ("good", "bad", "open", "odd")
    } == {
        "good": RunStatus.DONE,
        "bad": RunStatus.FAILED,
        "open": RunStatus.SUBMITTED,
        "odd": RunStatus.FAILED,
    }
    statuses = {
        name: tracker.repository.get(old.ids[name]).status for name in ("cellpose", "stardist", "waiting")
    }
    assert statuses == {"cellpose": "COMPLETED", "stardist": "FAILED", "waiting": "PENDING"}


def test_views_made_of_it_equal_what_we_would_have_written_while_it_ran(
    old: OldStore, empty: str, opened: Opener
) -> None:
    ours, live = opened(old.url), opened(empty)
    live.catch_up()
    with engine_of(ours).connect() as source, engine_of(live).connect() as target:
        for row in source.execute(sa.text("SELECT * FROM workflowtracker_events ORDER BY id")).mappings():
            names, marks = ", ".join(map(str, row)), ", ".join(f":{name}" for name in row)
            target.execute(
                sa.text(f"INSERT INTO workflowtracker_events ({names}) VALUES ({marks})"),  # noqa: S608 - names of columns
                dict(row),
            )
            target.commit()
            live.catch_up()
    ours.catch_up()
    caught_up = all_rows(ours)
    assert caught_up == all_rows(live)
    ours.rebuild()
    assert all_rows(ours) == caught_up


def test_rows_that_it_had_right_stay_and_the_others_become_right(old: OldStore, opened: Opener) -> None:
    tracking = opened(old.url)
    before = _cells(tracking)
    tracking.catch_up()
    after = _cells(tracking)
    changed = {
        cell: (before.get(cell), after.get(cell))
        for cell in before | after
        if before.get(cell) != after.get(cell)
    }
    name = {made: name for name, made in old.ids.items()}
    found = {(table, name.get(key, key), column): values for (table, key, column), values in changed.items()}
    assert found == {
        # no job: what its client took for one when a submission was refused
        ("biomero_job_view", -1, "user"): (0, None),
        ("biomero_job_view", -1, "group"): (-1, None),
        ("biomero_job_view", -1, "task_id"): (old.ids["refused"], None),
        ("biomero_job_progress_view", -1, "status"): ("PENDING", None),
        # a run that had ended, and was made to run again by a task that was closed late
        ("biomero_workflow_progress_view", "odd", "status"): ("RUNNING", "FAILED"),
        ("biomero_workflow_progress_view", "odd", "progress"): ("90%", "100%"),
        ("biomero_workflow_progress_view", "odd", "task"): ("SLURM_Import_Results.py", "cellpose"),
        # tasks that have ended
        ("biomero_task_execution", "export", "status"): ("CREATED", "COMPLETED"),
        ("biomero_task_execution", "results", "status"): ("IMPORTING", "COMPLETED"),
        ("biomero_task_execution", "late", "status"): ("RUNNING", "COMPLETED"),
        ("biomero_task_execution", "stardist", "status"): ("TIMEOUT", "FAILED"),
        ("biomero_task_execution", "refused", "status"): ("PENDING", "FAILED"),
    }
    assert len(after) > 90, "nearly all cells are compared, and equal"


def test_it_reads_what_we_recorded_in_its_database(old: OldStore, opened: Opener) -> None:
    tracking = opened(old.url)
    tracker = tracker_of(tracking)
    tracker.complete_task(old.ids["waiting"], "done at last")
    tracker.complete_workflow(old.ids["open"])
    ids = {
        name: made for name, made in play(tracker, PLAIN).items() if name in {"good", "cellpose", "stardist"}
    }
    assert events(tracker)[old.events :][:2] == ["TaskCompleted", "WorkflowCompleted"]
    tracking.close()

    said = biomero_2.read(old.url, [str(i) for i in (old.ids["waiting"], old.ids["open"], *ids.values())])
    assert said[str(old.ids["waiting"])]["result_message"] == "done at last"
    assert said[str(ids["good"])]["name"] == "My run"
    assert len(said[str(ids["good"])]["tasks"]) == 4
    cellpose = said[str(ids["cellpose"])]
    assert (cellpose["status"], cellpose["progress"], cellpose["job_ids"]) == ("COMPLETED", "43%", [78])
    assert (cellpose["input_data"], cellpose["params"]) == ({"d": [1, None]}, {"diameter": 30})
    assert said[str(ids["stardist"])]["result_message"] == "it took too long"


def test_both_record_in_one_database_by_turns(empty: str, opened: Opener) -> None:
    first = opened(empty)
    play(tracker_of(first), PLAIN)
    first.close()
    theirs = biomero_2.record(empty, PLAIN)
    second = opened(empty)
    tracker = tracker_of(second)
    play(tracker, PLAIN)
    assert tracker.repository.get(UUID(theirs["ids"]["good"])).status is RunStatus.DONE
    assert [row["status"] for row in rows(second, Table.WORKFLOW_PROGRESS) if row["name"] == "My run"] == [
        "DONE"
    ] * 3
    # its views follow our events too, and write its rows over ours; a rebuild makes them right
    second.rebuild()
    shown = [(row["task_name"], row["status"]) for row in rows(second, Table.TASK_EXECUTION)]
    assert sorted(shown) == sorted(
        [
            ("_SLURM_Image_Transfer.py", "COMPLETED"),
            ("convert_zarr_to_tiff", "COMPLETED"),
            ("cellpose", "COMPLETED"),
            ("SLURM_Get_Results.py", "COMPLETED"),
            ("stardist", "FAILED"),
            ("measure", "PENDING"),
        ]
        * 3
    )


def _cells(tracking: Tracking) -> dict[tuple[str, Any, str], Any]:
    """Return every cell of the documented views that is not empty, by table, key and column."""
    return {
        (table.value, key, column): value
        for table in DOCUMENTED
        for key, row in ((next(iter(row.values())), row) for row in rows(tracking, table))
        for column, value in list(row.items())[1:]
        if value is not None
    }


def _as_text(value: Any) -> Any:
    """Return a value as JSON has it; ids become text."""
    if isinstance(value, dict):
        return {name: _as_text(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_text(one) for one in value]
    return str(value) if isinstance(value, UUID) else value
