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

CLUSTER = Scenarios("Files and disks on the cluster")
HERE = Scenarios("Files and disks here")
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


@CLUSTER.add(short=True)
def the_clusters_disk_is_full(scene: Scene) -> None:
    """All is on a full disk; the run stops and says so. When there is space a person lets it go on."""
    assert scene.lab is not None
    (run,) = scene.submit(images=2)
    with scene.worker():
        with faults.full_disk(scene.lab, scene.cluster_runs.parent):
            scene.wait_for(run, "paused")
            scene.wait_until_over()
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
        scene.put_right(run)


@CLUSTER.add()
def somebody_deletes_the_output_of_a_job(scene: Scene) -> None:
    """All outputs are deleted between the job's end and the fetching; nothing is called done for that."""
    assert scene.link is not None
    (run,) = scene.submit(images=2, may_end=["failed", "paused"])
    with scene.worker(), ExitStack() as cut:
        with scene.held():
            scene.wait_until_working(run, "workflow")
            cut.enter_context(scene.link.cut())
        scene.wait_until_gone(run)
        for file in (scene.cluster_runs / run / "out").iterdir():
            file.unlink()
        cut.close()
        scene.wait_until_over()


@CLUSTER.add()
def somebody_deletes_the_folder_of_a_run(scene: Scene) -> None:
    """The whole folder of the run is deleted while its job waits; nothing is called done for that."""
    (run,) = scene.submit(images=2, may_end=["failed", "paused"])
    with scene.worker():
        with scene.held("conversion"):
            scene.wait_until_working(run, "conversion")
            shutil.rmtree(scene.cluster_runs / run)
        scene.wait_until_over(timeout_s=400)


@CLUSTER.add()
def an_image_is_damaged_on_the_clusters_disk(scene: Scene) -> None:
    """Bytes of a staged image flip before the conversion reads it; a wrong result is not delivered."""
    (run,) = scene.submit(images=2, may_end=["done", "failed", "paused"])
    with scene.worker():
        with scene.held("conversion"):
            scene.wait_until_working(run, "conversion")
            _flip(scene.cluster_runs / run / "tmp")
        scene.wait_until_over()
    scene.doubt(run, scene.accepted[run].images[0])


@HERE.add()
def the_results_cannot_be_written(scene: Scene) -> None:
    """There is a file where the folder for labels belongs; the run fails or is paused, and says so."""
    (run,) = scene.submit(images=2, may_end=["failed", "paused"])
    (scene.accepted[run].results / "labels").write_text("in the way")
    with scene.worker():
        scene.wait_until_over()


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


def _flip(folder: Path) -> None:
    """Turn bytes of the first image's largest file around."""
    files = [path for path in folder.rglob("*") if path.is_file() and "000" in str(path)]
    largest = max(files, key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    middle = len(content) // 2
    for i in range(middle, min(middle + 64, len(content))):
        content[i] ^= 0xFF
    owner = largest.stat()
    largest.write_bytes(bytes(content))
    shutil.chown(largest, owner.st_uid, owner.st_gid)


@pytest.mark.slurm
@pytest.mark.sshd
@pytest.mark.parametrize("scenario", CLUSTER.params())
def test_disks_of_the_cluster(scenario: Scenario, scene: Scene) -> None:
    scenario.play(scene)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", HERE.params())
def test_disks_here(scenario: Scenario, local_scene: Scene) -> None:
    scenario.play(local_scene)
