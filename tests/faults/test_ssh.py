"""What happens between the worker and the login node."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from faults.scenario import Scenario, Scenarios
from faults.scene import Scene
from services import faults
from services.link import Way

SCENARIOS = Scenarios("The way to the cluster")
pytestmark = [pytest.mark.faults, pytest.mark.slurm, pytest.mark.sshd, pytest.mark.timeout(900)]


@SCENARIOS.add(short=True)
def the_connection_is_cut_in_the_middle_of_an_upload(scene: Scene) -> None:
    """The link is reset when 30 kB have gone up; a new connection passes."""
    assert scene.link is not None
    scene.submit(images=3)
    scene.link.cut_after(30_000, Way.UP)
    with scene.worker():
        assert scene.link.dropped.wait(timeout=120)
        scene.wait_until_over()


@SCENARIOS.add()
def the_connection_is_cut_in_every_upload_three_times(scene: Scene) -> None:
    """The link is reset three times, each time after 25 kB have gone up."""
    assert scene.link is not None
    scene.submit(images=3)
    with scene.worker():
        for _ in range(3):
            scene.link.cut_after(25_000, Way.UP)
            assert scene.link.dropped.wait(timeout=120)
        scene.wait_until_over()


@SCENARIOS.add()
def the_connection_is_cut_in_the_middle_of_a_download(scene: Scene) -> None:
    """The link is reset when 3 kB of the results have come down."""
    assert scene.link is not None
    scene.submit(images=5)
    with scene.worker(calls=scene.calls):
        with scene.call_held("transfer.download"):
            scene.wait_until(lambda: scene.has_called("transfer.download"), "the results are to be fetched")
            scene.link.cut_after(3_000, Way.DOWN)
        assert scene.link.dropped.wait(timeout=120)
        scene.wait_until_over()
    assert scene.has_called("transfer.download", times=2)


def _the_link_is_cut_while_a_run_is(scene: Scene, status: str) -> None:
    """The link is cut for ten seconds when the run has reached the status {}."""
    assert scene.link is not None
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_reached(run, status)
        with scene.link.cut():
            time.sleep(10)
        scene.wait_until_over()


SCENARIOS.each(
    _the_link_is_cut_while_a_run_is,
    *("exporting", "staging", "converting", "queued", "running", "fetching"),
    short="converting",
)


@SCENARIOS.add()
def the_link_is_cut_as_soon_as_a_job_is_wanted(scene: Scene) -> None:
    """The connection is dropped the moment the wish for a job is on record: sbatch is on its way then."""
    assert scene.link is not None
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_happened(run, "JobRequested")
        scene.link.drop()
        scene.wait_until_over()


@SCENARIOS.add()
def the_link_is_dropped_every_second(scene: Scene) -> None:
    """For 30 seconds every connection lives for one second at most."""
    assert scene.link is not None
    scene.submit(images=2)
    with scene.worker():
        for _ in range(30):
            time.sleep(1)
            scene.link.drop()
        scene.wait_until_over(timeout_s=400)


@SCENARIOS.add()
def the_link_says_nothing_for_a_minute(scene: Scene) -> None:
    """Packets are swallowed for 60 seconds while a job runs: nobody is told that the link is down."""
    assert scene.link is not None
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_working(run, "workflow")
        with scene.link.stalled():
            time.sleep(60)
        scene.wait_until_over(timeout_s=400)


@SCENARIOS.add()
def the_link_says_nothing_during_an_upload(scene: Scene) -> None:
    """Packets are swallowed for 40 seconds while images are being sent."""
    assert scene.link is not None
    (run,) = scene.submit(images=3)
    with scene.worker():
        scene.wait_until_reached(run, "staging")
        with scene.link.stalled():
            time.sleep(40)
        scene.wait_until_over(timeout_s=400)


@SCENARIOS.add()
def the_link_is_slow(scene: Scene) -> None:
    """No more than 20 kB a second pass, as over a bad line, during the whole run."""
    assert scene.link is not None
    scene.submit(images=2)
    with scene.link.throttled(20_000), scene.worker():
        scene.wait_until_over(timeout_s=400)


@SCENARIOS.add()
def the_login_node_cannot_be_reached_for_two_minutes(scene: Scene) -> None:
    """The link is down from before the worker's first word until two minutes later."""
    assert scene.link is not None
    scene.submit(2)
    with scene.worker():
        with scene.link.cut():
            time.sleep(120)
        scene.wait_until_over(timeout_s=600)


@SCENARIOS.add()
def sshd_is_started_again_while_a_job_runs(scene: Scene) -> None:
    """sshd ends with all its sessions, and starts five seconds later."""
    assert scene.lab is not None
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_working(run, "workflow")
        with faults.sshd_down(scene.lab):
            time.sleep(5)
        scene.wait_until_over()


@SCENARIOS.add(short=True)
def the_sessions_are_killed_during_an_upload(scene: Scene) -> None:
    """The login node kills everybody's sessions while images are being sent; what runs in them dies too."""
    assert scene.lab is not None
    (run,) = scene.submit(images=3)
    with scene.worker():
        scene.wait_until_reached(run, "exporting")
        for _ in range(3):
            scene.lab.login_node.kill_sessions()
            time.sleep(0.5)
        scene.wait_until_over()


@SCENARIOS.add()
def the_login_node_shows_another_host_key(scene: Scene) -> None:
    """The key changes; the run stops at once. When it is the old one again, a person lets the run go on."""
    assert scene.lab is not None
    (run,) = scene.submit()
    with faults.changed_host_key(scene.lab), scene.worker():
        scene.wait_for(run, "paused")
        scene.wait_until_over()
    with scene.worker():
        scene.put_right(run)


@SCENARIOS.add()
def the_host_key_changes_while_a_job_runs(scene: Scene) -> None:
    """The key changes under a run whose job goes on; when it is right again, the next worker goes on."""
    assert scene.lab is not None
    (run,) = scene.submit()
    with scene.held(), scene.worker():
        scene.wait_until_working(run, "workflow")
        with faults.changed_host_key(scene.lab):
            time.sleep(20)
    with scene.worker():
        if scene.status(run) == "paused":
            scene.resume(run)
        scene.wait_for(run, "done")
        scene.wait_until_over()


@SCENARIOS.add()
def the_key_is_refused(scene: Scene) -> None:
    """The account's key is taken away; nobody knocks for ever. When it is back, the run goes on."""
    assert scene.lab is not None
    (run,) = scene.submit()
    with scene.lab.login_node.without_keys(), scene.worker():
        scene.wait_for(run, "paused")
        scene.wait_until_over()
        scene.must_say(run, "configuration", "refused")
    with scene.worker():
        scene.put_right(run)


@SCENARIOS.add()
def the_key_is_taken_away_while_a_job_runs(scene: Scene) -> None:
    """The account's key is taken away under a run; the worker says so, and the next one finds it again."""
    assert scene.lab is not None
    (run,) = scene.submit(images=2)
    with scene.worker(), ExitStack() as refused:
        with scene.held():
            scene.wait_until_working(run, "workflow")
            refused.enter_context(scene.lab.login_node.without_keys())
            told = "refused to let biomero-lab in"
            scene.wait_until(lambda: told in scene.biomero("worker", "status").stdout, "people are told")
            assert told in scene.biomero("runs", "show", run).stdout
        scene.wait_until_gone(run)
        assert not scene.is_over(run)
    with scene.worker():
        scene.wait_for(run, "done")
        scene.wait_until_over()


@SCENARIOS.add()
def a_job_ends_while_the_login_node_is_away(scene: Scene) -> None:
    """The link is cut when the job runs, and healed when it has long ended and left the queue."""
    assert scene.link is not None
    (run,) = scene.submit(images=2)
    with scene.worker():
        with ExitStack() as cut:
            with scene.held():
                scene.wait_until_working(run, "workflow")
                cut.enter_context(scene.link.cut())
            # MinJobAge is ten seconds: only accounting has it then
            scene.wait_until_gone(run)
        scene.wait_until_over()


@pytest.mark.parametrize("scenario", SCENARIOS.params())
def test_ssh(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)
