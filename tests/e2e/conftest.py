"""A user of the real cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.command import User
from services.container_fixtures import apptainer
from services.slurm_lab import SlurmLab

__all__ = ["apptainer"]


@pytest.fixture
def cluster_user(tmp_path: Path, slurm_lab: SlurmLab) -> User:
    settings = tmp_path / "slurm-config.ini"
    settings.write_text("[SLURM]\nslurm_data_path = biomero/data\nslurm_images_path = biomero/images\n")
    options = (
        "--cluster",
        slurm_lab.alias,
        "--ssh-config",
        str(slurm_lab.ssh_config),
        "--config",
        str(settings),
    )
    return User(home=tmp_path, cluster=options)
