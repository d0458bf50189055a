"""What people want of runs, at every moment, whatever is broken just then."""

from __future__ import annotations

import time

import pytest

from biomero.errors import UsageError
from faults.scenario import Scenario, Scenarios
from faults.scene import Scene
from services import postgres_faults, slurm_faults
from services.slurm_lab import SlurmLab
from services.slurm_nodes import node_of

SCENARIOS = Scenarios("What people want")
AWAY = Scenarios("What people want while the database is away")
HERE = Scenarios("What people want of runs on this machine")
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def _lab(scene: Scene) -> SlurmLab:
    assert scene.lab is not None
    return scene.lab


def _a_run_is_cancelled_while_it_is(scene: Scene, status: str) -> None:
    """Somebody cancels the run when it has reached the status {}; it ends, and so do its jobs."""
    (run,) = scene.submit(images=2, may_end=["cancelled"])
    with scene.worker(), scene.held():
        if status != "submitted":
            scene.wait_until_reached(run, status)
        scene.customer.cancel(run)
        scene.wait_until_over()


SCENARIOS.each(
    _a_run_is_cancelled_while_it_is,
    *("submitted", "exporting", "staging", "converting", "queued", "running"),
    short="running",
)


@SCENARIOS.add()
def a_run_is_cancelled_while_it_is_fetching(scene: Scene) -> None:
    """Somebody cancels the run in the middle of its results' download; it ends without them."""
    (run,) = scene.submit(images=2, may_end=["cancelled"])
    _cancel_within(scene, run, "fetching", "transfer.download")


@SCENARIOS.add()
def a_run_is_cancelled_while_it_is_importing(scene: Scene) -> None:
    """Somebody cancels the run when its results are being delivered: they stand then, and it is done."""
    (run,) = scene.submit(images=2)
    _cancel_within(scene, run, "importing", "deliver.deliver")


def _cancel_within(scene: Scene, run: str, status: str, call: str) -> None:
    with scene.worker(calls=scene.calls):
        with scene.call_held(call):
            scene.wait_until_reached(run, status)
            scene.customer.cancel(run)
            time.sleep(3)
        scene.wait_until_over()


@SCENARIOS.add()
def a_run_is_cancelled_while_its_node_hangs(scene: Scene) -> None:
    """The node does not end the job for 30 seconds; only then is the run called cancelled."""
    lab = _lab(scene)
    (run,) = scene.submit(may_end=["cancelled"])
    with slurm_faults.configured(lab, SlurmdTimeout="120"), scene.worker(), scene.held():
        scene.wait_until_working(run, "workflow")
        (job,) = scene.jobs(run)
        with slurm_faults.frozen(lab, node_of(lab, job)):
            scene.customer.cancel(run)
            scene.wait_until(lambda: scene.jobs(run) == {job: "COMPLETING"}, "its job is about to end")
            time.sleep(30)
            assert scene.jobs(run) == {job: "COMPLETING"}
            assert not scene.happened(run, "RunCancelled")
        scene.wait_until_over()


@SCENARIOS.add()
def a_run_is_cancelled_while_the_cluster_cannot_be_reached(scene: Scene) -> None:
    """The link is cut, somebody cancels, and half a minute later it is healed: the job is ended then."""
    assert scene.link is not None
    (run,) = scene.submit(images=2, may_end=["cancelled"])
    with scene.worker(), scene.held():
        scene.wait_until_working(run, "workflow")
        with scene.link.cut():
            scene.customer.cancel(run)
            time.sleep(30)
        scene.wait_until_over(timeout_s=400)


@SCENARIOS.add()
def a_run_is_cancelled_while_nobody_works(scene: Scene) -> None:
    """The worker is dead when somebody cancels; the next worker ends the run and its job."""
    (run,) = scene.submit(images=2, may_end=["cancelled"])
    with scene.held():
        with scene.worker() as worker:
            scene.wait_until_working(run, "workflow")
            worker.kill()
        scene.customer.cancel(run)
        with scene.worker():
            scene.wait_until_over()


@SCENARIOS.add()
def the_worker_is_killed_in_the_middle_of_cancelling(scene: Scene) -> None:
    """The worker dies right after somebody cancelled; another one finishes it."""
    (run,) = scene.submit(images=2, may_end=["cancelled"])
    with scene.supervised() as worker, scene.held():
        scene.wait_until_working(run, "workflow")
        scene.customer.cancel(run)
        worker.kill()
        scene.wait_until_over()


@SCENARIOS.add()
def a_run_is_cancelled_while_the_controller_is_down(scene: Scene) -> None:
    """slurmctld is dead when somebody cancels, and back 20 seconds later; the job is ended then."""
    assert scene.lab is not None
    (run,) = scene.submit(images=2, may_end=["cancelled"])
    with scene.worker(), scene.held():
        scene.wait_until_working(run, "workflow")
        time.sleep(6)
        with slurm_faults.killed(scene.lab):
            scene.customer.cancel(run)
            time.sleep(20)
        scene.wait_until_over(timeout_s=400)


@SCENARIOS.add()
def a_run_is_paused_while_its_job_runs(scene: Scene) -> None:
    """Somebody pauses the run; its job goes on and ends; resuming picks its results up."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            scene.customer.pause(run)
            scene.wait_for(run, "paused")
        time.sleep(5)
        scene.resume(run)
        scene.wait_for(run, "done")
        scene.wait_until_over()


@SCENARIOS.add()
def another_try_is_asked_for_while_a_job_runs(scene: Scene) -> None:
    """A retry is refused while the run's job may be at work, also when it is paused; it goes on then."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with scene.held():
            scene.wait_until_working(run, "workflow")
            with pytest.raises(UsageError, match="wait for its end, or cancel it first"):
                scene.customer.retry(run, "all")
            scene.customer.pause(run)
            scene.wait_for(run, "paused")
            for what in ("step", "all"):
                with pytest.raises(UsageError, match="may still run: resume the run"):
                    scene.customer.retry(run, what)
        scene.resume(run)
        scene.wait_for(run, "done")
        scene.wait_until_over()


@HERE.add(short=True)
def a_paused_run_is_resumed_by_another_worker(scene: Scene) -> None:
    """Somebody pauses the run while images are converted, the worker ends, and another one goes on."""
    (run,) = scene.submit(images=3)
    with scene.held("conversion"):
        with scene.worker():
            scene.wait_until_working(run, "conversion")
            scene.customer.pause(run)
            scene.wait_for(run, "paused")
        scene.resume(run)
    with scene.worker():
        scene.wait_for(run, "done")
        scene.wait_until_over()


@HERE.add()
def a_failed_step_is_tried_again(scene: Scene) -> None:
    """The workflow fails; its step is tried again and fails again: two jobs, two keys, one end each time."""
    (run,) = scene.submit(images=2, may_end=["failed"], behave="fail")
    with scene.worker():
        scene.wait_for(run, "failed")
        scene.wait_until_over()
        scene.customer.retry(run, "step")
        scene.wait_for(run, "queued", "running")
        scene.wait_for(run, "failed")
        scene.wait_until_over()


@HERE.add()
def a_failed_image_is_tried_again(scene: Scene) -> None:
    """One image is no image at first; put right, it alone passes again, and the others' results stay."""
    (run,) = scene.submit(images=3)
    image = scene.accepted[run].images[1]
    good = image.read_bytes()
    image.write_bytes(b"II*\0 no image")
    with scene.worker():
        scene.wait_for(run, "done", "failed")
        scene.wait_until_over()
        image.write_bytes(good)
        scene.customer.retry(run, "failed-images")
        scene.wait_for(run, "exporting", "staging", "converting", "queued", "running")
        scene.wait_for(run, "done")
        scene.wait_until_over()


@AWAY.add()
def a_run_is_cancelled_while_the_database_is_away(scene: Scene) -> None:
    """PostgreSQL is stopped, somebody cancels at a shell, ten seconds later it is back: the job is ended."""
    assert scene.postgres is not None
    (run,) = scene.submit(images=2, may_end=["cancelled"])
    with scene.worker(), scene.held():
        scene.wait_until_working(run, "workflow")
        with postgres_faults.stopped(scene.postgres):
            _cancel_in_vain(scene, run)
            time.sleep(10)
        scene.wait_until_over()
        scene.wait_until_gone(run)


@AWAY.add()
def a_run_is_cancelled_while_database_and_worker_are_away(scene: Scene) -> None:
    """The worker is dead, too, when somebody cancels at a shell; the next worker ends the run and its job."""
    assert scene.postgres is not None
    (run,) = scene.submit(images=2, may_end=["cancelled"])
    with scene.held():
        with scene.worker() as worker:
            scene.wait_until_working(run, "workflow")
            worker.kill()
        with postgres_faults.stopped(scene.postgres):
            _cancel_in_vain(scene, run)
        with scene.worker():
            scene.wait_until_over()
        scene.wait_until_gone(run)


def _cancel_in_vain(scene: Scene, run: str) -> None:
    told = scene.biomero("runs", "cancel", run)
    assert told.code == 3, told.stderr
    assert "the wish is kept" in told.stderr


@HERE.add()
def two_users_share_a_worker(scene: Scene) -> None:
    """One user asks for eight runs, another one then for two; these end long before the others do."""
    many = scene.submit(8, by="bob")
    few = scene.submit(2, by="ada")
    with scene.worker():
        scene.wait_until_over()
    ends = scene.tables.ends()
    assert set(ends) == {*many, *few}
    last = max(ends.index(run) for run in few)
    assert len(ends[last + 1 :]) >= len(many) / 2, ends


@pytest.mark.slurm
@pytest.mark.sshd
@pytest.mark.parametrize("scenario", SCENARIOS.params())
def test_people(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)


@pytest.mark.slurm
@pytest.mark.sshd
@pytest.mark.postgres
@pytest.mark.parametrize("scenario", AWAY.params())
def test_people_without_a_database(scenario: Scenario, shared_scene: Scene) -> None:
    scenario.play(shared_scene)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", HERE.params())
def test_people_here(scenario: Scenario, local_scene: Scene) -> None:
    scenario.play(local_scene)
