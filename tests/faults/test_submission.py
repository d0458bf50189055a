"""What happens between the wish for a job and hearing its id."""

from __future__ import annotations

import time

import pytest

from faults.scenario import Scenario, Scenarios
from faults.scene import Scene
from services import slurm_faults
from services.lab_programs import (
    ACCEPTED_AND_FAILED,
    CANNOT_CONNECT,
    DIES_AFTER,
    DIES_BEFORE,
    LATE,
    LabPrograms,
)
from services.processes import wait_until

SCENARIOS = Scenarios("Submitting a job")
pytestmark = [pytest.mark.faults, pytest.mark.slurm, pytest.mark.sshd, pytest.mark.timeout(900)]


def _programs(scene: Scene) -> LabPrograms:
    assert scene.programs is not None
    return scene.programs


def _play(scene: Scene, program: str, misfortune: str, *, times: int = 1) -> None:
    _programs(scene).tell(program, misfortune, times=times)
    scene.submit(images=2)
    with scene.worker():
        scene.wait_until_over(timeout_s=400)
    assert _programs(scene).pending(program) == 0


@SCENARIOS.add(short=True)
def sbatch_is_killed_after_the_controller_took_the_job(scene: Scene) -> None:
    """sbatch dies between the controller's yes and its own answer, for both jobs of the run."""
    _play(scene, "sbatch", DIES_AFTER, times=2)


@SCENARIOS.add()
def sbatch_is_killed_before_it_does_anything(scene: Scene) -> None:
    """sbatch dies twice before it asks the controller."""
    _play(scene, "sbatch", DIES_BEFORE, times=2)


@SCENARIOS.add()
def sbatch_reports_a_failure_though_the_job_got_in(scene: Scene) -> None:
    """The controller takes the job, and sbatch ends with "Socket timed out on send/recv operation"."""
    _play(scene, "sbatch", ACCEPTED_AND_FAILED, times=2)


@SCENARIOS.add()
def sbatch_answers_too_late(scene: Scene) -> None:
    """The job is submitted, and sbatch sits on the answer for 90 seconds, longer than anybody waits."""
    _play(scene, "sbatch", LATE)


@SCENARIOS.add()
def sbatch_cannot_reach_the_controller(scene: Scene) -> None:
    """sbatch fails three times with "Unable to contact slurm controller"."""
    _play(scene, "sbatch", CANNOT_CONNECT, times=3)


@SCENARIOS.add()
def the_lookup_before_submitting_fails(scene: Scene) -> None:
    """squeue and sacct die in the look before sbatch; and sbatch itself dies after its work."""
    _programs(scene).tell("sbatch", DIES_AFTER)
    _programs(scene).tell("squeue", DIES_BEFORE)
    _play(scene, "sacct", DIES_BEFORE)
    assert not [name for name in ("sbatch", "squeue") if _programs(scene).pending(name)]


@SCENARIOS.add()
def the_worker_dies_while_sbatch_is_on_its_way(scene: Scene) -> None:
    """sbatch takes its time, the worker is killed meanwhile, and the next one submits too."""
    programs = _programs(scene)
    programs.tell("sbatch", 'sleep 8; exec "$real" "$@"')
    scene.submit(images=2)
    with scene.supervised() as worker:
        wait_until(lambda: programs.pending("sbatch") == 0, "sbatch is on its way", timeout_s=120)
        worker.kill()
        scene.wait_until_over()


@SCENARIOS.add()
def the_connection_breaks_while_sbatch_is_on_its_way(scene: Scene) -> None:
    """sbatch takes its time on the login node, and the link is dropped meanwhile."""
    assert scene.link is not None
    programs = _programs(scene)
    programs.tell("sbatch", 'sleep 8; exec "$real" "$@"')
    scene.submit(images=2)
    with scene.worker():
        wait_until(lambda: programs.pending("sbatch") == 0, "sbatch is on its way", timeout_s=120)
        scene.link.drop()
        scene.wait_until_over()


@SCENARIOS.add()
def a_cancel_meets_an_sbatch_on_its_way(scene: Scene) -> None:
    """The worker is killed while sbatch takes its time, and the run cancelled; no job is left of it."""
    programs = _programs(scene)
    programs.tell("sbatch", 'sleep 8; exec "$real" "$@"')
    (run,) = scene.submit(images=2, may_end=["cancelled"])
    with scene.worker() as worker:
        wait_until(lambda: programs.pending("sbatch") == 0, "sbatch is on its way", timeout_s=120)
        worker.kill()
    scene.customer.cancel(run)
    with scene.worker():
        scene.wait_until_over()
    time.sleep(10)  # whatever was on its way has come by now
    assert not scene.jobs(run)


@SCENARIOS.add()
def the_account_may_have_two_jobs_at_a_time(scene: Scene) -> None:
    """MaxSubmitJobs is 2; three runs, each with two conversions and a job, wait for their turn."""
    assert scene.lab is not None
    with slurm_faults.submissions_limited(scene.lab, 2):
        scene.submit(3, images=2)
        with scene.worker():
            scene.wait_until_over(timeout_s=600)


@SCENARIOS.add()
def a_run_needs_more_jobs_than_the_account_may_have(scene: Scene) -> None:
    """MaxSubmitJobs is 2, and a run has five batches: it does them a few at a time."""
    assert scene.lab is not None
    with slurm_faults.submissions_limited(scene.lab, 2):
        (run,) = scene.submit(images=5, batch_size=1)
        with scene.worker():
            scene.wait_until_over(timeout_s=600)
    assert scene.count(run, "JobSubmitted") > 2


@SCENARIOS.add()
def others_leave_one_place_to_a_run_with_many_batches(scene: Scene) -> None:
    """Somebody's jobs under the same account have all places but one, for ever: a run gets in one by one."""
    assert scene.lab is not None
    with slurm_faults.others_have(scene.lab, 5), slurm_faults.submissions_limited(scene.lab, 6):
        (run,) = scene.submit(images=4, batch_size=1)
        with scene.worker():
            scene.wait_until(
                lambda: "takes no more jobs of this account" in scene.biomero("runs", "show", run).stdout,
                "it says what it waits for",
            )
            scene.wait_until_over(timeout_s=700)
    assert scene.count(run, "JobSubmitted") == 5


@SCENARIOS.add()
def a_run_needs_a_longer_array_than_the_cluster_takes(scene: Scene) -> None:
    """MaxArraySize is 3, and a run has five batches: it has two arrays, one after the other."""
    assert scene.lab is not None
    with slurm_faults.configured(scene.lab, MaxArraySize="3"):
        (run,) = scene.submit(images=5, batch_size=1)
        with scene.worker():
            scene.wait_until_over()
    assert scene.count(run, "JobSubmitted") > 2


@SCENARIOS.add()
def all_nodes_are_busy(scene: Scene) -> None:
    """Somebody else's jobs have all processors; the run's job waits, and runs when they end."""
    assert scene.lab is not None
    (run,) = scene.submit()
    with scene.worker():
        with slurm_faults.all_busy(scene.lab):
            scene.wait_until_happened(run, "JobReported")
        scene.wait_until_over()


@SCENARIOS.add()
def squeue_fails_now_and_then(scene: Scene) -> None:
    """Six of the questions about jobs fail; none of these failures says anything about a job."""
    programs = _programs(scene)
    (run,) = scene.submit()
    with scene.worker():
        scene.wait_until_happened(run, "JobSubmitted")
        programs.tell("squeue", CANNOT_CONNECT, times=4)
        programs.tell("sacct", CANNOT_CONNECT, times=2)
        with scene.held():
            scene.wait_until_working(run, "workflow")
            wait_until(lambda: programs.pending("squeue") == 0, "four questions have failed", timeout_s=120)
        scene.wait_until_over(timeout_s=400)
    assert programs.pending("sacct") == 0


@pytest.mark.parametrize("scenario", SCENARIOS.params())
def test_submission(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)
