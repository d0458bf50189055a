"""A real cluster for the tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.scheduler_makers import SlurmMaker
from services.fixtures import start_lab
from services.slurm_lab import SlurmLab


@pytest.fixture
def make(slurm_lab: SlurmLab) -> Iterator[SlurmMaker]:
    """Return what makes jobs on the cluster, and cleans up after them."""
    maker = SlurmMaker(slurm_lab)
    yield maker
    maker.close()


@pytest.fixture(scope="module")
def lab_without_accounting(pytestconfig: pytest.Config) -> Iterator[SlurmLab]:
    """Return a cluster that keeps no account of jobs and forgets them soon."""
    lab = start_lab(pytestconfig, accounting=False, min_job_age_s=2)
    yield lab
    lab.stop()
