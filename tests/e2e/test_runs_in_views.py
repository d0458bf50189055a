"""A run of the command line stands in the documented views."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from biomero.application.ports.views import Table
from biomero.application.settings import AnalyticsSettings
from biomero.bootstrap import open_tracking
from services.command import THRESHOLD, User, image_file
from services.views import rows


def test_a_run_on_this_machine_is_a_run_and_a_task_and_no_slurm_job(tmp_path: Path) -> None:
    user = User(home=tmp_path)
    ended = user.run(THRESHOLD, [image_file(tmp_path / "cell.tif")], "--python", sys.executable)
    assert ended.code == 0, ended.stderr + ended.stdout
    tracking = open_tracking(AnalyticsSettings(), tmp_path / "state")
    (run,) = rows(tracking, Table.WORKFLOW_PROGRESS)
    assert (str(run["workflow_id"]), run["status"], run["progress"]) == (ended.document["id"], "DONE", "100%")
    assert {task["status"] for task in rows(tracking, Table.TASK_EXECUTION)} == {"COMPLETED"}
    assert rows(tracking, Table.JOBS) == []
    (shown,) = rows(tracking, Table.RUNS)
    assert (shown["cluster"], shown["images_total"], shown["images_done"]) == ("local", 1, 1)
    assert str(shown["container_digest"]).startswith("sha256:")
    (image,) = rows(tracking, Table.RUN_IMAGES)
    assert (image["stage"], image["source"]) == ("delivered", str(tmp_path / "cell.tif"))
    delivered = {(o["path"], o["sha256"]) for o in rows(tracking, Table.RUN_OUTPUTS)}
    assert delivered == {(o["path"], o["sha256"]) for o in ended.document["outputs"]}
    assert rows(tracking, Table.TIMELINE)[-1]["run_id"] == run["workflow_id"]
    tracking.close()
    usage = user.biomero("stats", "--by", "user", "--json").document["total"]
    assert (usage["runs"], usage["done"], usage["jobs"]) == (1, 1, len(ended.document["jobs"]))


@pytest.mark.slurm
@pytest.mark.sshd
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_on_a_cluster_shows_its_slurm_jobs(cluster_user: User, tmp_path: Path) -> None:
    ended = cluster_user.run(THRESHOLD, [image_file(tmp_path / "cell.tif")], "--runtime", "process")
    assert ended.code == 0, ended.stderr + ended.stdout
    jobs = {job["job_id"] for job in ended.document["jobs"]}
    tracking = open_tracking(AnalyticsSettings(), tmp_path / "state")
    assert {row["slurm_job_id"] for row in rows(tracking, Table.JOBS)} == jobs
    shown = rows(tracking, Table.JOB_PROGRESS)
    assert {(row["slurm_job_id"], row["status"]) for row in shown} == {(job, "COMPLETED") for job in jobs}
    tasks = rows(tracking, Table.RUN_JOBS)
    assert {task["job_id"] for task in tasks} == jobs
    for task in tasks:
        assert (task["state"], task["exit_code"]) == ("COMPLETED", 0)
        assert None not in (task["node"], task["wall_s"], task["cpu_s"])
        assert task["submitted_at"] <= task["started_at"] <= task["ended_at"]
    asked = {task["step"]: task["requested_memory_mb"] for task in tasks}
    assert asked["conversion"] is not None
    tracking.close()
    usage = cluster_user.biomero("stats", "--json").document["total"]
    assert (usage["runs"], usage["failed"], usage["jobs"]) == (1, 0, len(tasks))
    assert usage["average_queue_s"] is not None
