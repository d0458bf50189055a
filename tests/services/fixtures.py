"""Fixtures of the services that several folders of tests share; import them in a ``conftest.py``."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from services.slurm_lab import SlurmLab

_LAB = pytest.StashKey[SlurmLab]()


@pytest.fixture(scope="session")
def slurm_lab(pytestconfig: pytest.Config) -> SlurmLab:
    """Return a real Slurm cluster with a login node: one for the session, however many folders ask for it."""
    if _LAB not in pytestconfig.stash:
        pytestconfig.stash[_LAB] = start_lab(pytestconfig)
    return pytestconfig.stash[_LAB]


def start_lab(config: pytest.Config, *, accounting: bool = True, min_job_age_s: int = 10) -> SlurmLab:
    """Start a cluster that stops with the session, also when that is interrupted or killed."""
    # pytest's own temporary folders are closed to other users.
    parent = Path(tempfile.mkdtemp(prefix="biomero-slurm-"))
    parent.chmod(0o755)
    lab = SlurmLab(parent / "lab", accounting=accounting, min_job_age_s=min_job_age_s)

    def stop() -> None:
        lab.stop()
        shutil.rmtree(parent, ignore_errors=True)

    config.add_cleanup(stop)
    lab.start(guarded=True)
    return lab
