"""Where a run goes when the configuration says it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.command import THRESHOLD, User, image_file
from services.slurm_lab import SlurmLab

pytestmark = [pytest.mark.slurm, pytest.mark.sshd, pytest.mark.slow, pytest.mark.timeout(600)]


def test_runs_go_to_the_cluster_of_the_configuration(tmp_path: Path, slurm_lab: SlurmLab) -> None:
    settings = tmp_path / "slurm-config.ini"
    settings.write_text(
        "[SLURM]\nslurm_data_path = biomero/data\nsbatch_comment = from all\n"
        f"[CLUSTER teaching]\nhost = {slurm_lab.alias}\nsbatch_comment = from teaching\n"
    )
    user = User(home=tmp_path)
    images = [image_file(tmp_path / "cell.tif")]
    options = ("--config", settings, "--ssh-config", slurm_lab.ssh_config, "--runtime", "process")
    ended = user.run(THRESHOLD, images, *options, "--keep")
    assert ended.code == 0, ended.stderr + ended.stdout
    assert ended.document["cluster"] == "teaching"
    assert all(job["job_id"] for job in ended.document["jobs"])
    # what looks at the run later finds the same cluster
    logs = user.biomero("runs", "logs", "last", "--json")
    assert (logs.code, ended.document["id"]) == (0, logs.document["id"])
    here = user.run(THRESHOLD, images, *options, "--cluster", "local", "--python", sys.executable, out="here")
    assert here.code == 0, here.stderr + here.stdout
    assert here.document["cluster"] == "local"
