"""What runs and jobs cost, from the record to the table, the files and the picture."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from matplotlib import image as pictures

from biomero.adapters.persistence.accounting import SqlAccounting
from biomero.adapters.persistence.event_store import Factory
from biomero.application.ports.accounting import AccountingQuestions
from biomero.application.run_record import RunRecord
from biomero.application.stats import Grouping, Usage, measure_usage
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.bootstrap import usage_to_parquet, usage_to_png
from biomero.domain.job import JobState, JobUsage, TaskReport
from biomero.domain.workflow_run import WorkflowRun
from services.command import User

Opener = Callable[..., Tracking]


def a_run(
    tracker: WorkflowTracker,
    *,
    workflow: str = "Nuclei",
    user: str = "ada",
    partition: str | None = "short",
    gpus: str | None = None,
    failure: str | None = None,
    wall_s: float = 1800,
    cpu_s: float = 3600,
) -> None:
    record = RunRecord(tracker)
    request = {"workflow_name": workflow, "requested_by": user, "cluster": "lisa", "images": []}
    run_id = record.start(name=workflow, description="d", request=request)
    key = f"biomero-{run_id}-workflow"
    resources = {"cpus": 4, "partition": partition, "gpus": gpus}
    usage = {"elapsed_s": wall_s, "cpu_s": cpu_s, "max_memory_mb": wall_s / 10, "node": "n1"}
    state = "COMPLETED" if failure is None else "FAILED"
    tasks = [{"index": i, "state": state, "reason": "", "usage": usage} for i in range(2)]
    job = {"key": key, "job_id": 5, "array_size": 2}
    record.change(run_id, lambda run: run.request_job(key, "workflow", resources=resources))
    record.change(run_id, lambda run: run.submit_job(key, job))
    record.change(run_id, lambda run: run.report_job(key, tasks))
    if failure is None:
        record.change(run_id, WorkflowRun.complete)
    else:
        record.change(run_id, lambda run: run.fail({"failure_class": failure, "message": "no"}))


def history(tracker: WorkflowTracker) -> None:
    a_run(tracker)
    a_run(tracker, user="bob", partition=None, failure="node")
    a_run(tracker, workflow="Cells $x$ & more", gpus="a100:2", partition="gpu", wall_s=3600, cpu_s=1800)
    a_run(tracker, workflow="Cells $x$ & more", failure="data", partition="gpu")
    run_id = tracker.initiate_workflow("a script's run", "d", 3, 4)
    tracker.add_task_to_workflow(run_id, "stardist", "1", "x", {})
    tracker.fail_workflow(run_id, "no idea why")


def accounting_of(tracking: Tracking) -> AccountingQuestions:
    assert isinstance(tracking.tracker, WorkflowTracker)
    assert isinstance(tracking.tracker.factory, Factory)
    return SqlAccounting(tracking.tracker.factory)


def by_name(groups: tuple[Usage, ...]) -> dict[str, Usage]:
    return {usage.group: usage for usage in groups}


def test_usage_is_summed_up_by_workflow(tracking: Tracking, tracker: WorkflowTracker) -> None:
    history(tracker)
    stats = measure_usage(accounting_of(tracking), by=Grouping.WORKFLOW)
    groups = by_name(stats.groups)
    assert list(groups) == ["Cells $x$ & more", "Nuclei", "stardist"]
    nuclei, cells, stardist = groups["Nuclei"], groups["Cells $x$ & more"], groups["stardist"]
    assert (nuclei.runs, nuclei.done, nuclei.failed, nuclei.jobs) == (2, 1, 1, 4)
    assert (nuclei.failure_rate, nuclei.failures) == (0.5, {"node": 1})
    assert (nuclei.cpu_hours, nuclei.wall_hours, nuclei.efficiency) == (4.0, 2.0, 0.5)
    assert (nuclei.max_memory_mb, nuclei.gpu_hours) == (180.0, None)
    assert cells.gpu_hours == 4.0
    assert (stardist.jobs, stardist.failures, stardist.efficiency) == (0, {"unknown": 1}, None)
    assert (stats.total.runs, stats.total.failed, stats.total.jobs) == (5, 3, 8)


def test_usage_is_summed_up_by_user_partition_and_month(tracking: Tracking, tracker: WorkflowTracker) -> None:
    history(tracker)
    accounting = accounting_of(tracking)

    def counts(by: Grouping) -> dict[str, tuple[int, int]]:
        groups = measure_usage(accounting, by=by).groups
        return {usage.group: (usage.runs, usage.jobs) for usage in groups}

    assert counts(Grouping.USER) == {"ada": (3, 6), "bob": (1, 2), "OMERO user 3": (1, 0)}
    assert counts(Grouping.GROUP) == {"(no OMERO group)": (4, 8), "OMERO group 4": (1, 0)}
    assert counts(Grouping.PARTITION) == {
        "gpu": (2, 4),
        "short": (1, 2),
        "(default)": (1, 2),
        "(no job)": (1, 0),
    }
    assert counts(Grouping.MONTH) == {datetime.now(UTC).strftime("%Y-%m"): (5, 8)}
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert measure_usage(accounting, by=Grouping.USER, since=tomorrow).groups == ()


def a_measured_job(
    tracker: WorkflowTracker, omero: tuple[int, int], job_id: int, *, fails: bool = False, **used: Any
) -> None:
    """Record a job as scripts do, and what accounting says of it."""
    run_id = tracker.initiate_workflow("n", "d", *omero)
    task_id = tracker.add_task_to_workflow(run_id, "cellpose", "1", "x", {})
    tracker.add_job_id(task_id, job_id)
    state = JobState.FAILED if fails else JobState.COMPLETED
    tracker.end_job(task_id, job_id, [TaskReport(index=None, state=state, usage=JobUsage(**used))])
    if fails:
        tracker.fail_workflow(run_id, "no")
    else:
        tracker.complete_workflow(run_id)


def test_usage_by_group_is_what_a_hand_computes(tracking: Tracking, tracker: WorkflowTracker) -> None:
    a_measured_job(
        tracker,
        (3, 4),
        11,
        elapsed_s=3600,
        cpu_s=7200.0,
        allocated_cpus=4,
        waited_s=30,
        partition="gpu",
        max_memory_mb=512.0,
        allocated_memory_mb=1024.0,
        gpus=2,
        energy_j=3_600_000.0,
    )
    a_measured_job(
        tracker,
        (5, 4),
        12,
        fails=True,
        elapsed_s=1800,
        cpu_s=1800.0,
        allocated_cpus=2,
        waited_s=90,
        partition="main",
        max_memory_mb=1024.0,
        allocated_memory_mb=3072.0,
    )
    a_measured_job(tracker, (5, 4), 13)  # before usage was recorded
    a_measured_job(tracker, (3, 6), 14)
    stats = measure_usage(accounting_of(tracking), by=Grouping.GROUP)
    groups = by_name(stats.groups)
    assert list(groups) == ["OMERO group 4", "OMERO group 6"]
    four, six = groups["OMERO group 4"], groups["OMERO group 6"]
    assert (four.runs, four.ended, four.failed, four.jobs, four.measured_jobs) == (3, 3, 1, 3, 2)
    assert (four.wall_hours, four.cpu_hours) == (1.5, 2.5)
    assert four.efficiency == 9000 / (3600 * 4 + 1800 * 2)
    assert (four.max_memory_mb, four.memory_efficiency) == (1024.0, (512 + 1024) / (1024 + 3072))
    assert (four.gpu_hours, four.energy_kwh) == (2.0, 1.0)
    assert four.rate_of("unknown") == four.failure_rate == 1 / 3
    assert four.rate_of("node") == 0
    # unknown is not nothing
    assert (six.jobs, six.measured_jobs, six.wall_hours, six.cpu_hours, six.gpu_hours) == (1, 0, *[None] * 3)
    assert (six.efficiency, six.memory_efficiency, six.energy_kwh, six.max_memory_mb) == (*[None] * 4,)
    assert {
        g.group: g.jobs for g in measure_usage(accounting_of(tracking), by=Grouping.PARTITION).groups
    } == {
        "(default)": 2,
        "gpu": 1,
        "main": 1,
    }


def test_a_wait_is_told_by_the_clusters_clock_where_it_is_known(
    tracking: Tracking, tracker: WorkflowTracker
) -> None:
    for job_id, waited_s in ((11, 30), (12, 90)):
        a_measured_job(tracker, (3, 4), job_id, elapsed_s=5, waited_s=waited_s)
    assert measure_usage(accounting_of(tracking), by=Grouping.USER).total.average_queue_s == 60


def test_an_empty_record_costs_nothing(tracking: Tracking) -> None:
    tracking.catch_up()
    stats = measure_usage(accounting_of(tracking), by=Grouping.USER)
    assert (stats.groups, stats.total.runs, stats.total.failure_rate) == ((), 0, None)
    assert usage_to_png(stats).startswith(b"\x89PNG")
    assert pq.read_table(io.BytesIO(usage_to_parquet(stats))).num_rows == 0


@contextmanager
def user_with_runs(home: Path, opened: Opener, address: str) -> Iterator[User]:
    tracker = opened().tracker
    assert isinstance(tracker, WorkflowTracker)
    history(tracker)
    config = home / "database.ini"
    config.write_text(f"[ANALYTICS]\nsqlalchemy_url = {address}\n")
    yield User(home=home)


def test_the_command_prints_a_table_csv_json_parquet_and_draws_a_picture(
    opened: Opener, address: str, tmp_path: Path
) -> None:
    with user_with_runs(tmp_path, opened, address) as user:
        words = ("stats", "--by", "workflow", "--config", "database.ini")
        table = user.here(*words, "--plot", "usage.png")
        assert table.code == 0, table.stderr
        assert "Cells $x$ & more" in table.stdout
        assert "failed runs by class: 1 data (20%), 1 node (20%), 1 unknown (20%)" in table.stdout
        assert "failed runs by class (Nuclei): 1 node (50%)" in table.stdout
        height, width, _ = pictures.imread(tmp_path / "usage.png").shape
        assert (height > 500, width > 1000) == (True, True)
        document = user.here(*words, "--json").document
        assert document["total"]["runs"] == 5
        rows = list(csv.DictReader(io.StringIO(user.here(*words, "--csv").stdout)))
        assert [row["group"] for row in rows] == [group["group"] for group in document["groups"]]
        assert user.here(*words, "--json", "--out", "usage.json").code == 0
        assert json.loads((tmp_path / "usage.json").read_text()) == document
        assert user.here(*words, "--parquet", "--out", "usage.parquet").code == 0
        assert pq.read_table(tmp_path / "usage.parquet").to_pylist() == document["groups"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--csv", "--parquet"), "choose one of"),
        (("--out", "x"), "--out needs one of"),
        (("--csv", "--out", "no/such/folder"), "cannot be written"),
        (("--since", "soon"), "soon"),
        (("--by", "moon"), "moon"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    ended = User(home=tmp_path).here("stats", *words)
    assert ended.code == 2
    assert message in ended.stderr
