"""What is drawn from in a walk at random; each of them breaks something and mends it again."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from faults.walk import Fault, NoTargetError, Walk
from faults.workers import LEASE_S
from services import postgres_faults, slurm_faults
from services.lab_programs import ACCEPTED_AND_FAILED, CANNOT_CONNECT, DIES_AFTER, DIES_BEFORE
from services.link import Way
from services.slurm_nodes import scancel, scontrol


def _a_worker_is_killed(walk: Walk) -> None:
    walk.draw.choice(walk.workers).kill()


def _a_worker_is_frozen_for_a_while(walk: Walk) -> None:
    worker = walk.draw.choice(walk.workers).worker
    worker.freeze()
    walk.pause(1, 8)
    worker.thaw()


def _a_worker_is_frozen_past_its_lease(walk: Walk) -> None:
    worker = walk.draw.choice(walk.workers).worker
    worker.freeze()
    walk.pause(LEASE_S + 5, LEASE_S + 15)
    worker.thaw()


def _the_link_is_cut(walk: Walk) -> None:
    assert walk.scene.link is not None
    with walk.scene.link.cut():
        walk.pause(0.5, 8)


def _the_link_is_dropped(walk: Walk) -> None:
    assert walk.scene.link is not None
    walk.scene.link.drop()


def _the_link_says_nothing(walk: Walk) -> None:
    assert walk.scene.link is not None
    with walk.scene.link.stalled():
        walk.pause(1, 8)


def _the_link_breaks_in_an_upload(walk: Walk) -> None:
    assert walk.scene.link is not None
    walk.scene.link.cut_after(walk.draw.randrange(500, 60_000), Way.UP)


def _the_link_breaks_in_a_download(walk: Walk) -> None:
    assert walk.scene.link is not None
    walk.scene.link.cut_after(walk.draw.randrange(500, 20_000), Way.DOWN)


def _the_sessions_are_killed(walk: Walk) -> None:
    assert walk.scene.lab is not None
    walk.scene.lab.login_node.kill_sessions()


def _sshd_is_restarted(walk: Walk) -> None:
    assert walk.scene.lab is not None
    walk.scene.lab.login_node.stop()
    walk.pause(0, 3)
    walk.scene.lab.login_node.start()


def _sbatch_goes_wrong(walk: Walk) -> None:
    assert walk.scene.programs is not None
    misfortunes = [DIES_AFTER, DIES_BEFORE, ACCEPTED_AND_FAILED, CANNOT_CONNECT]
    walk.scene.programs.tell("sbatch", walk.draw.choice(misfortunes))


def _squeue_or_sacct_fails(walk: Walk) -> None:
    assert walk.scene.programs is not None
    program = walk.draw.choice(["squeue", "sacct"])
    walk.scene.programs.tell(program, walk.draw.choice([CANNOT_CONNECT, DIES_BEFORE]))


def _the_controller_is_killed(walk: Walk) -> None:
    assert walk.scene.lab is not None
    assert walk.scene.link is not None
    lab = walk.scene.lab
    with walk.scene.link.stalled():  # nobody submits anything
        time.sleep(7)  # what it knows is on disk by then; a controller that forgets is a scenario of its own
        lab.daemons.kill("slurmctld")
    walk.pause(0, 5)
    slurm_faults.start(lab, "slurmctld")


def _the_controller_is_frozen(walk: Walk) -> None:
    assert walk.scene.lab is not None
    with slurm_faults.frozen(walk.scene.lab):
        walk.pause(1, 8)


def _accounting_is_restarted(walk: Walk) -> None:
    assert walk.scene.lab is not None
    with slurm_faults.killed(walk.scene.lab, "slurmdbd"):
        walk.pause(0, 5)


def _a_job_is_requeued(walk: Walk) -> None:
    assert walk.scene.lab is not None
    with _while_it_runs():
        scontrol(walk.scene.lab, "requeue", walk.some_job())


def _a_job_is_suspended(walk: Walk) -> None:
    assert walk.scene.lab is not None
    job = walk.some_job()
    with _while_it_runs():
        scontrol(walk.scene.lab, "suspend", job)
    walk.pause(1, 5)
    with suppress(subprocess.CalledProcessError):  # somebody may have cancelled it meanwhile
        scontrol(walk.scene.lab, "resume", job)


def _a_job_is_cancelled_from_outside(walk: Walk) -> None:
    assert walk.scene.lab is not None
    job = walk.some_job()
    for run in walk.open:
        if job in walk.scene.jobs(run):
            walk.scene.expect(run, "done", "failed")
            for image in walk.scene.accepted[run].images:
                walk.scene.doubt(run, image)
    scancel(walk.scene.lab, job)


def _somebody_cancels_a_run(walk: Walk) -> None:
    runs = walk.open
    if len(runs) < 2:
        raise NoTargetError("no run is open that may go")
    run = walk.draw.choice(runs)
    before = walk.scene.accepted[run].may_end
    walk.scene.expect(run, "cancelled", *before)
    walk.scene.customer.cancel(run)


def _somebody_pauses_a_run(walk: Walk) -> None:
    if not walk.open:
        raise NoTargetError("no run is open")
    walk.scene.customer.pause(walk.draw.choice(walk.open))


def _the_database_is_restarted(walk: Walk) -> None:
    assert walk.scene.postgres is not None
    with postgres_faults.stopped(walk.scene.postgres):
        walk.pause(0, 5)


def _the_database_crashes(walk: Walk) -> None:
    assert walk.scene.postgres is not None
    with postgres_faults.crashed(walk.scene.postgres):
        walk.pause(0, 3)


def _the_database_is_frozen(walk: Walk) -> None:
    assert walk.scene.postgres is not None
    with postgres_faults.frozen(walk.scene.postgres):
        walk.pause(1, 8)


def _the_connections_to_the_database_are_cut(walk: Walk) -> None:
    assert walk.scene.postgres is not None
    walk.scene.postgres.cut_connections()


def _the_database_takes_no_changes(walk: Walk) -> None:
    assert walk.scene.postgres is not None
    with postgres_faults.read_only(walk.scene.postgres):
        walk.pause(1, 5)


@contextmanager
def _while_it_runs() -> Iterator[None]:
    """Slurm refuses what is asked of a job that has ended since it was drawn: nothing was broken then."""
    try:
        yield
    except subprocess.CalledProcessError as exc:
        raise NoTargetError("the job has just ended") from exc


FAULTS: tuple[Fault, ...] = (
    _a_worker_is_killed,
    _a_worker_is_killed,
    _a_worker_is_killed,
    _a_worker_is_frozen_for_a_while,
    _a_worker_is_frozen_past_its_lease,
    _the_link_is_cut,
    _the_link_is_dropped,
    _the_link_says_nothing,
    _the_link_breaks_in_an_upload,
    _the_link_breaks_in_a_download,
    _the_sessions_are_killed,
    _sshd_is_restarted,
    _sbatch_goes_wrong,
    _sbatch_goes_wrong,
    _squeue_or_sacct_fails,
    _the_controller_is_killed,
    _the_controller_is_frozen,
    _accounting_is_restarted,
    _a_job_is_requeued,
    _a_job_is_suspended,
    _a_job_is_cancelled_from_outside,
    _somebody_cancels_a_run,
    _somebody_pauses_a_run,
    _the_database_is_restarted,
    _the_database_crashes,
    _the_database_is_frozen,
    _the_connections_to_the_database_are_cut,
    _the_database_takes_no_changes,
)
