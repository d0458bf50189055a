"""Jobs that fail and are tried again by themselves: with more memory, more time, or on another node."""

from __future__ import annotations

import pytest

from biomero.domain.job import JobResources
from faults.scenario import Scenario, Scenarios
from faults.scene import Scene
from services import slurm_faults
from services.slurm_lab import SlurmLab
from services.slurm_nodes import node_of

SCENARIOS = Scenarios("Another job for the same images")
pytestmark = [pytest.mark.faults, pytest.mark.slurm, pytest.mark.sshd, pytest.mark.timeout(900)]


def _lab(scene: Scene) -> SlurmLab:
    assert scene.lab is not None
    return scene.lab


@SCENARIOS.add()
def a_job_gets_more_memory(scene: Scene) -> None:
    """A job has half of the memory that it needs; the next one asks for four times as much, and is done."""
    scene.configure(retry_memory_factor="4")
    (run,) = scene.submit(images=2, resources=JobResources(memory_mb=300))
    with scene.hungry(), scene.worker():
        scene.wait_until_over()
    assert [job["memory_mb"] for job in scene.asked(run)] == [300, 1200]


@SCENARIOS.add()
def a_job_gets_more_time(scene: Scene) -> None:
    """A job meets its limit of one minute; the next one may take three, and is done."""
    scene.configure(retry_time_factor="3")
    (run,) = scene.submit(images=2, resources=JobResources(time_limit_min=1))
    with scene.worker():
        with scene.held():
            scene.wait_until_happened(run, "JobAttempted")
        scene.wait_until_over()
    assert [job["time_limit_min"] for job in scene.asked(run)] == [1, 3]


@SCENARIOS.add()
def a_job_gets_another_node(scene: Scene) -> None:
    """The node of a job that Slurm may not requeue loses its power; the next job leaves that node out."""
    lab = _lab(scene)
    (run,) = scene.submit(images=2, resources=JobResources(extra={"no-requeue": ""}))
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            (job,) = scene.jobs(run)
            node = node_of(lab, job)
            with slurm_faults.dead_node(lab, node):
                scene.wait_until_happened(run, "JobAttempted")
        scene.wait_until_over()
    assert [job.get("exclude") for job in scene.asked(run)] == [None, node]


@SCENARIOS.add()
def a_node_is_unfit_for_any_job(scene: Scene) -> None:
    """One node cannot write where the data are, which ends jobs there at once; the next ones leave it out."""
    lab = _lab(scene)
    bad = lab.node_names[0]
    with slurm_faults.node_that_cannot_write(lab, bad, scene.cluster_runs.parent):
        (run,) = scene.submit(images=2)
        with scene.worker():
            scene.wait_until_over()
    for step in ("conversion", "workflow"):
        assert [job.get("exclude") for job in scene.asked(run, step)] == [None, bad]


@pytest.mark.parametrize("scenario", SCENARIOS.params())
def test_retries(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)
