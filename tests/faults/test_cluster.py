"""What happens to the cluster's daemons and nodes, and to jobs from outside."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from biomero.domain.job import JobResources
from faults.scenario import Scenario, Scenarios
from faults.scene import Scene
from services import faults, slurm_backup, slurm_faults
from services.processes import end, wait_until, with_environment
from services.slurm_lab import SlurmLab
from services.slurm_nodes import jobs_in_queue, node_of, scancel, scontrol

DAEMONS = Scenarios("The cluster's daemons and nodes")
JOBS = Scenarios("Jobs, from outside")
PURGED = Scenarios("A cluster that keeps no account of jobs")
pytestmark = [pytest.mark.faults, pytest.mark.slurm, pytest.mark.sshd, pytest.mark.timeout(900)]


def _lab(scene: Scene) -> SlurmLab:
    assert scene.lab is not None
    return scene.lab


@DAEMONS.add(short=True)
def the_controller_is_killed_while_a_job_runs(scene: Scene) -> None:
    """slurmctld dies by SIGKILL under a running job, and is back 15 seconds later."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            time.sleep(6)  # the controller writes down what it knows every five seconds
            with slurm_faults.killed(_lab(scene)):
                time.sleep(15)
        scene.wait_until_over()


@DAEMONS.add()
def the_controller_is_away_when_a_job_is_to_be_submitted(scene: Scene) -> None:
    """slurmctld is stopped before the first job is wanted, and starts 20 seconds after the first try."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with faults.controller_down(_lab(scene)):
            scene.wait_until_happened(run, "StepRetried")
            time.sleep(20)
        scene.wait_until_over(timeout_s=400)


@DAEMONS.add()
def the_controller_is_restarted(scene: Scene) -> None:
    """slurmctld is restarted politely while a job runs."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            slurm_faults.restart(_lab(scene))
        scene.wait_until_over()


@DAEMONS.add()
def the_controller_answers_nobody(scene: Scene) -> None:
    """slurmctld is frozen for 30 seconds, as one that fails over; commands hang."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_happened(run, "JobSubmitted")
        with slurm_faults.frozen(_lab(scene)):
            time.sleep(30)
        scene.wait_until_over(timeout_s=400)


@DAEMONS.add()
def another_controller_takes_over(scene: Scene) -> None:
    """slurmctld dies under a running job, its backup takes over, and later it is in charge again."""
    lab = _lab(scene)
    with slurm_backup.backup_controller(lab), scene.worker():
        (run,) = scene.submit(images=2)
        with scene.held():
            scene.wait_until_working(run, "workflow")
            time.sleep(6)  # the controller writes down what it knows every five seconds
            with slurm_faults.killed(lab):
                wait_until(lambda: bool(jobs_in_queue(lab)), "the backup answers", timeout_s=90, every_s=1)
                (other,) = scene.submit()
                scene.wait_until_happened(other, "JobSubmitted")
        scene.wait_until_over()


@DAEMONS.add()
def the_controller_forgets_a_job_that_goes_on(scene: Scene) -> None:
    """slurmctld dies seconds after it took a job, and knows it no more; its id is given out again, and its
    node cannot be asked: the job goes on, and the run waits for it and has its results."""
    lab = _lab(scene)
    with slurm_faults.amnesia(lab, scene.home / "kept") as controller:
        (run,) = scene.submit(images=2)
        with scene.worker(), ExitStack() as away:
            with scene.held():
                scene.wait_until_working(run, "workflow")
                (job,) = scene.jobs(run)
                # a node that registers is told to kill what the controller does not know
                away.enter_context(slurm_faults.killed(lab, node_of(lab, job)))
                controller.forget()
                _give_ids_out_again(lab)
                scene.wait_until(lambda: _is_waited_for(scene, run), "it is said that it is waited for")
                time.sleep(75)  # a job that nobody knows is lost after a minute, if it has not begun
                assert scene.status(run) == "running"
                assert not scene.jobs(run)
            scene.wait_until_over()
    assert len(scene.asked(run)) == 1


@DAEMONS.add()
def a_job_that_the_controller_forgot_is_cancelled(scene: Scene) -> None:
    """slurmctld knows a job no more which goes on, and somebody cancels its run: the job ends itself."""
    lab = _lab(scene)
    with slurm_faults.amnesia(lab, scene.home / "kept") as controller:
        (run,) = scene.submit(may_end=["cancelled"])
        with scene.worker(), scene.held(), ExitStack() as away:
            scene.wait_until_working(run, "workflow")
            (job,) = scene.jobs(run)
            away.enter_context(slurm_faults.killed(lab, node_of(lab, job)))
            controller.forget()
            scene.wait_until(lambda: _is_waited_for(scene, run), "it is said that it is waited for")
            own = f"SLURM_JOB_NAME=biomero-{run}-workflow"
            assert with_environment(own)
            scene.customer.cancel(run)
            scene.wait_until_over()
            wait_until(lambda: not with_environment(own), "every process of the job has ended")


@DAEMONS.add()
def the_controller_forgets_a_job_and_its_node_kills_it(scene: Scene) -> None:
    """slurmctld knows a job no more, and has its node kill it; the run waits for five minutes more for a sign
    of life, and then fails and says why."""
    lab = _lab(scene)
    with slurm_faults.amnesia(lab, scene.home / "kept") as controller:
        (run,) = scene.submit(may_end=["failed"])
        with scene.worker(), scene.held():
            scene.wait_until_working(run, "workflow")
            controller.forget()
            scene.wait_until(lambda: _is_waited_for(scene, run), "it is said that it is waited for")
            scene.wait_until_over(timeout_s=600)
    scene.must_say(run, "scheduler", "is known to nobody any more")


def _give_ids_out_again(lab: SlurmLab) -> None:
    argv = ("sbatch", "--output=/dev/null", "--job-name=somebody-else")
    for _ in range(6):
        lab.run_as_user(argv, stdin=b"#!/bin/sh\nsleep 5\n")


def _is_waited_for(scene: Scene, run: str) -> bool:
    told = [e.state["tasks"] for e in scene.tables.events()[run] if e.name == "JobReported"]
    return any("any more, but it has begun" in task["reason"] for tasks in told[-1:] for task in tasks)


@DAEMONS.add()
def nobody_keeps_account_of_jobs_for_a_while(scene: Scene) -> None:
    """slurmdbd is down from before the first job until the run is done."""
    scene.submit(images=2)
    with faults.accounting_down(_lab(scene)), scene.worker():
        scene.wait_until_over(timeout_s=400)


@DAEMONS.add()
def accounting_is_down_when_a_job_ends(scene: Scene) -> None:
    """slurmdbd goes down while the job runs, and comes back half a minute later."""
    (run,) = scene.submit(images=2)
    with scene.worker(), ExitStack() as away:
        with scene.held():
            scene.wait_until_working(run, "workflow")
            away.enter_context(slurm_faults.killed(_lab(scene), "slurmdbd"))
        time.sleep(30)
        away.close()
        scene.wait_until_over(timeout_s=400)


@DAEMONS.add()
def a_node_dies_and_its_job_is_started_elsewhere(scene: Scene) -> None:
    """The node of a running job loses its power; Slurm requeues the job, which does the work again."""
    (run,) = scene.submit(images=2)
    with scene.worker(), ExitStack() as dead:
        with scene.held():
            scene.wait_until_working(run, "workflow")
            (job,) = scene.jobs(run)
            dead.enter_context(slurm_faults.dead_node(_lab(scene), node_of(_lab(scene), job)))
        scene.wait_until_over(timeout_s=400)
    assert len(scene.asked(run)) == 1


@DAEMONS.add()
def a_node_reboots_under_a_job(scene: Scene) -> None:
    """The node of a running job reboots by itself; Slurm requeues the job, which does the work again."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            (job,) = scene.jobs(run)
            slurm_faults.reboot(_lab(scene), node_of(_lab(scene), job))
        scene.wait_until_over(timeout_s=400)
    assert len(scene.asked(run)) == 1


@DAEMONS.add()
def a_node_is_drained_under_a_job(scene: Scene) -> None:
    """The node takes no more jobs; the one that runs ends well."""
    (run,) = scene.submit(images=2)
    with scene.worker(), ExitStack() as drained:
        with scene.held():
            scene.wait_until_working(run, "workflow")
            (job,) = scene.jobs(run)
            drained.enter_context(faults.drained(_lab(scene), node_of(_lab(scene), job)))
        scene.wait_until_over()


@DAEMONS.add()
def a_nodes_daemon_is_restarted_under_a_job(scene: Scene) -> None:
    """slurmd dies on the node of a running job and is back within seconds; the job goes on."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            (job,) = scene.jobs(run)
            with slurm_faults.killed(_lab(scene), node_of(_lab(scene), job)):
                time.sleep(1)
        scene.wait_until_over()


@DAEMONS.add()
def the_partition_is_down_for_a_while(scene: Scene) -> None:
    """The partition starts no jobs until half a minute after the first one is submitted."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with faults.partition_down(_lab(scene), "main"):
            scene.wait_until_happened(run, "JobSubmitted")
            time.sleep(20)
        scene.wait_until_over()


@JOBS.add(short=True)
def an_administrator_requeues_a_job(scene: Scene) -> None:
    """A running job is requeued: it stops, waits and starts again under the same id."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            (job,) = scene.jobs(run)
            scontrol(_lab(scene), "requeue", job)
            time.sleep(3)
        scene.wait_until_over()


@JOBS.add()
def an_administrator_holds_a_job(scene: Scene) -> None:
    """A job is held before it starts, and released 20 seconds later."""
    (run,) = scene.submit()
    with scene.worker():
        with slurm_faults.all_busy(_lab(scene)):
            wait_until(lambda: bool(scene.jobs(run)), "it is submitted", timeout_s=120)
            jobs = [job.partition("_")[0] for job in scene.jobs(run)]
            scontrol(_lab(scene), "hold", *jobs)
        time.sleep(20)
        scontrol(_lab(scene), "release", *jobs)
        scene.wait_until_over()


@JOBS.add()
def an_administrator_suspends_a_job(scene: Scene) -> None:
    """A running job is suspended for 20 seconds."""
    (run,) = scene.submit()
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            (job,) = scene.jobs(run)
            scontrol(_lab(scene), "suspend", job)
            time.sleep(20)
            scontrol(_lab(scene), "resume", job)
        scene.wait_until_over()


@JOBS.add(short=True)
def an_administrator_cancels_a_job(scene: Scene) -> None:
    """A running job is cancelled by somebody who does not tell us; the run fails and says by whom."""
    (run,) = scene.submit(may_end=["failed"])
    with scene.worker(), scene.held():
        scene.wait_until_working(run, "workflow")
        scancel(_lab(scene), *scene.jobs(run))
        scene.wait_until_over()
    scene.must_say(run, "scheduler", "reason by user 0", slurm_state="CANCELLED")


@JOBS.add()
def a_job_is_over_its_time_limit(scene: Scene) -> None:
    """A job of one minute takes longer; Slurm ends it, and the run fails for that reason."""
    limits = JobResources(partition="short", time_limit_min=1)
    (run,) = scene.submit(may_end=["failed"], resources=limits, behave="sleep")
    with scene.worker():
        scene.wait_until_over(timeout_s=400)
    scene.must_say(run, "scheduler", "did not end within its time limit", slurm_state="TIMEOUT")


@JOBS.add()
def a_job_is_out_of_memory(scene: Scene) -> None:
    """A job takes more memory than it has; Slurm ends it, and the run fails for that reason."""
    (run,) = scene.submit(may_end=["failed"], resources=JobResources(memory_mb=300), behave="hog")
    with scene.worker():
        scene.wait_until_over(timeout_s=400)
    scene.must_say(run, "scheduler", "used more memory than it had asked for", slurm_state="OUT_OF_MEMORY")


@JOBS.add()
def a_program_fails_after_writing(scene: Scene) -> None:
    """The workflow writes a result and ends with an error; the run fails."""
    (run,) = scene.submit(images=2, may_end=["failed"], behave="fail")
    with scene.worker():
        scene.wait_until_over()
    scene.must_say(run, "container", "ended with exit code 1", slurm_state="FAILED")


@JOBS.add()
def a_job_is_preempted(scene: Scene) -> None:
    """A job in a partition of low priority is requeued for somebody else's, and runs again later."""
    lab = _lab(scene)
    (run,) = scene.submit(resources=JobResources(partition="scavenge"))
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            with slurm_faults.all_busy(lab):
                wait_until(lambda: "RUNNING" not in scene.jobs(run).values(), "it is preempted", timeout_s=60)
        scene.wait_until_over(timeout_s=400)


@JOBS.add()
def somebody_kills_a_jobs_processes(scene: Scene) -> None:
    """All processes of a running job are killed; Slurm blames the node, and another one has the next job."""
    (run,) = scene.submit()
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            (job,) = scene.jobs(run)
            node = node_of(_lab(scene), job)
            end(with_environment(f"SLURM_JOB_NAME=biomero-{run}-workflow"))
        scene.wait_until_over()
    assert [job.get("exclude") for job in scene.asked(run)] == [None, node]


@JOBS.add()
def one_task_of_an_array_is_cancelled(scene: Scene) -> None:
    """Of three conversions one is cancelled; the other two images come to their end."""
    (run,) = scene.submit(images=3)
    with scene.worker():
        with scene.held("conversion"):
            scene.wait_until_working(run, "conversion")
            wait_until(lambda: len(scene.jobs(run)) == 3, "all tasks are there", timeout_s=60)
            scancel(_lab(scene), next(job for job in scene.jobs(run) if job.endswith("_1")))
        scene.wait_until_over()
    scene.give_up(run, scene.accepted[run].images[1])
    scene.must_say(run, "scheduler", "reason by user 0", slurm_state="CANCELLED", image=1)


@pytest.mark.parametrize("scenario", DAEMONS.params())
def test_daemons(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)


@pytest.mark.parametrize("scenario", JOBS.params())
def test_jobs(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)


@PURGED.add()
def a_job_is_purged_before_anybody_looked(scene: Scene) -> None:
    """The link is down until the job has ended and left the queue, and there is no accounting at all."""
    assert scene.link is not None
    (run,) = scene.submit(images=2)
    with scene.worker(), ExitStack() as cut:
        with scene.held():
            scene.wait_until_working(run, "workflow")
            cut.enter_context(scene.link.cut())
        scene.wait_until_gone(run)
        cut.close()
        scene.wait_until_over()


@pytest.mark.parametrize("scenario", PURGED.params())
def test_purged_jobs(scenario: Scenario, scene_without_accounting: Scene) -> None:
    scenario.play(scene_without_accounting)
