"""What happens to files and disks, here and on the cluster."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from faults.scenario import Scenario, Scenarios
from faults.scene import Scene
from services import faults
from services.lab_programs import DAMAGES_DOWNLOAD, DAMAGES_UPLOAD, OVER_QUOTA, LabPrograms

CLUSTER = Scenarios("Files and disks on the cluster")
HERE = Scenarios("Files and disks here")
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def _programs(scene: Scene) -> LabPrograms:
    assert scene.programs is not None
    return scene.programs


@CLUSTER.add(short=True)
def the_clusters_disk_is_full(scene: Scene) -> None:
    """All is on a full disk; the run stops and says so. When there is space a person lets it go on."""
    assert scene.lab is not None
    (run,) = scene.submit(images=2)
    with scene.worker():
        with faults.full_disk(scene.lab, scene.cluster_runs.parent):
            scene.wait_for(run, "paused")
            scene.wait_until_over()
            scene.must_say(run, "transfer", "no space or quota left")
        scene.put_right(run)


@CLUSTER.add()
def the_clusters_disk_is_read_only(scene: Scene) -> None:
    """Nothing can be written; the run stops and says so, and goes on when that is put right."""
    assert scene.lab is not None
    (run,) = scene.submit(images=2)
    with scene.worker():
        with faults.read_only(scene.lab, scene.cluster_runs.parent):
            scene.wait_for(run, "paused")
            scene.wait_until_over()
            scene.must_say(run, "transfer", "cannot be made or written")
        scene.put_right(run)


@CLUSTER.add()
def an_image_is_damaged_on_its_way(scene: Scene) -> None:
    """What the login node takes in of an image has other bytes, twice; that is noticed, and mended."""
    _play(scene, DAMAGES_UPLOAD)


@CLUSTER.add()
def a_result_is_damaged_on_its_way(scene: Scene) -> None:
    """What the login node sends of a result has other bytes, twice; that is noticed, and mended."""
    _play(scene, DAMAGES_DOWNLOAD)


def _play(scene: Scene, misfortune: str) -> None:
    programs = _programs(scene)
    programs.tell("tar", misfortune, times=2)
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_until_over()
    assert programs.pending("tar") == 0
    assert scene.count(run, "StepRetried") == 2


def _the_account_is_over_its_quota_for(scene: Scene, program: str) -> None:
    """On the login node {} cannot write for want of quota; the run stops and says so, and goes on later."""
    programs = _programs(scene)
    programs.tell(program, OVER_QUOTA)
    (run,) = scene.submit(images=2)
    with scene.worker():
        scene.wait_for(run, "paused")
        scene.wait_until_over()
        scene.must_say(run, "transfer", "Disk quota exceeded")
        scene.put_right(run)
    assert programs.pending(program) == 0


CLUSTER.each(_the_account_is_over_its_quota_for, "tar", "cat")


@CLUSTER.add()
def somebody_deletes_the_output_of_a_job(scene: Scene) -> None:
    """All outputs are deleted between the job's end and the fetching; nothing is called done for that."""
    assert scene.link is not None
    (run,) = scene.submit(images=2, may_end=["paused"])
    with scene.worker(), ExitStack() as cut:
        with scene.held():
            scene.wait_until_working(run, "workflow")
            cut.enter_context(scene.link.cut())
        scene.wait_until_gone(run)
        for file in (scene.cluster_runs / run / "out").iterdir():
            file.unlink()
        cut.close()
        scene.wait_until_over()
    scene.must_say(run, "transfer", "2 of 2 files that the jobs wrote are not in")


@CLUSTER.add()
def somebody_deletes_the_folder_of_a_run(scene: Scene) -> None:
    """The whole folder of the run is deleted while its job waits; nothing is called done for that."""
    (run,) = scene.submit(images=2, may_end=["failed"])
    with scene.worker():
        with scene.held("conversion"):
            scene.wait_until_working(run, "conversion")
            shutil.rmtree(scene.cluster_runs / run)
        scene.wait_until_over(timeout_s=400)
    scene.must_say(run, "container", "the converter, ended with exit code 1", slurm_state="FAILED")


@CLUSTER.add()
def an_image_is_damaged_on_the_clusters_disk(scene: Scene) -> None:
    """Bytes of a staged image flip before the conversion reads it; the other image gets its result."""
    (run,) = scene.submit(images=2)
    with scene.worker():
        with scene.held("conversion"):
            scene.wait_until_working(run, "conversion")
            _flip(scene.cluster_runs / run / "tmp" / "zarr" / "cell_000.ome.zarr")
        scene.wait_until_over()
    scene.give_up(run, scene.accepted[run].images[0])
    scene.must_say(run, "data", "could not be converted to TIFF", image=0)


@HERE.add()
def the_results_cannot_be_written(scene: Scene) -> None:
    """There is a file where the folder for labels belongs; the run says so, and goes on when it is moved."""
    (run,) = scene.submit(images=2)
    in_the_way = scene.accepted[run].results / "labels"
    in_the_way.write_text("in the way")
    with scene.worker():
        scene.wait_for(run, "paused")
        scene.wait_until_over()
        scene.must_say(run, "transfer", str(in_the_way))
        in_the_way.unlink()
        scene.put_right(run)


@HERE.add(short=True)
def one_of_three_images_is_no_image(scene: Scene) -> None:
    """One of the files is no image; the others get their results."""
    scene.submit(images=3, bad=1)
    with scene.worker():
        scene.wait_until_over()


@HERE.add()
def an_image_goes_away_after_the_run_was_accepted(scene: Scene) -> None:
    """An image is deleted before the worker reads it; the others get their results."""
    (run,) = scene.submit(images=3)
    gone = scene.accepted[run].images[1]
    gone.unlink()
    scene.give_up(run, gone)
    with scene.worker():
        scene.wait_until_over()


@HERE.add()
def the_workspace_of_a_run_goes_away(scene: Scene) -> None:
    """The run's folder in the state of this machine is deleted while its job runs; it is made again."""
    (run,) = scene.submit(images=2)
    with scene.worker() as worker, scene.held():
        scene.wait_until_working(run, "workflow")
        worker.kill()
        shutil.rmtree(scene.state / "runs" / run, ignore_errors=True)
        time.sleep(1)
    with scene.worker():
        scene.wait_until_over()


def _flip(image: Path) -> None:
    """Turn the first bytes of an image's pixels around, without which the others mean nothing."""
    largest = max((path for path in image.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    with largest.open("r+b") as file:
        first = file.read(64)
        file.seek(0)
        file.write(bytes(byte ^ 0xFF for byte in first))


@pytest.mark.slurm
@pytest.mark.sshd
@pytest.mark.parametrize("scenario", CLUSTER.params())
def test_disks_of_the_cluster(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", HERE.params())
def test_disks_here(scenario: Scenario, local_scene: Scene) -> None:
    scenario.play(local_scene)
