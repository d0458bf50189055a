"""The same run as a process and in a real container gives the same labels."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from services.command import REPOSITORY, User
from services.container_fixtures import reachable_cache
from services.sif import build_workflow_sif
from services.slurm_lab import SlurmLab
from services.synthetic_nuclei import Scene, nuclei

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.sshd,
    pytest.mark.apptainer,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]


def test_a_process_and_a_container_give_the_same_labels(
    cluster_user: User, slurm_lab: SlurmLab, apptainer: Path
) -> None:
    workflow = REPOSITORY / "workflows" / "nuclei-segmentation"
    built = reachable_cache() / "nuclei-segmentation.sif"
    build_workflow_sif(apptainer, workflow, built)
    image = slurm_lab.home / f"{cluster_user.home.name}.sif"
    shutil.copyfile(built, image)
    image.chmod(0o644)
    with (cluster_user.home / "slurm-config.ini").open("a") as settings:
        settings.write(f"container_executable = {apptainer}\n")
    pixels, _ = nuclei(Scene(), seed=1)
    tifffile.imwrite(cluster_user.home / "nuclei.tif", pixels)
    images = [cluster_user.home / "nuclei.tif"]
    found: dict[str, np.ndarray] = {}
    identities: dict[str, str] = {}
    for runtime, options in (
        ("process", ("--runtime", "process")),
        ("apptainer", ("--runtime", "apptainer", "--container-image", str(image))),
    ):
        ended = cluster_user.run("nuclei-segmentation", images, *options, out=runtime)
        assert ended.code == 0, ended.stderr + ended.stdout
        (label,) = [o for o in ended.document["outputs"] if o["kind"] == "label"]
        found[runtime] = tifffile.imread(cluster_user.home / runtime / label["path"])
        identities[runtime] = ended.document["workflow"]["container_identity"]
    assert found["process"].max() > 5
    assert np.array_equal(found["process"], found["apptainer"])
    assert hashlib.sha256(built.read_bytes()).hexdigest() in identities["apptainer"]
    image.unlink()
