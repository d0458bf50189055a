"""The scenes of the fault suite: runs on this machine, or on a real cluster behind a link that can be cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.scene import Scene, set_scene
from services.fixtures import start_lab, start_postgres
from services.lab_programs import LabPrograms, lab_programs
from services.link import Link
from services.postgres import PostgresServer
from services.slurm_lab import SlurmLab


@pytest.fixture(scope="session")
def programs(slurm_lab: SlurmLab) -> Iterator[LabPrograms]:
    """Return Slurm's programs on the login node, which can be told to misbehave."""
    with lab_programs(slurm_lab) as programs:
        yield programs


@pytest.fixture(scope="session")
def durable_postgres(pytestconfig: pytest.Config) -> PostgresServer:
    """Return a PostgreSQL server that may be killed."""
    return start_postgres(pytestconfig, keeps_commits=True)


@pytest.fixture
def scene(slurm_lab: SlurmLab, programs: LabPrograms, tmp_path: Path) -> Iterator[Scene]:
    """Return a scene with a cluster, and a record in SQLite."""
    with Link(slurm_lab.login_node.port) as link:
        scene = Scene(
            home=tmp_path,
            database=f"sqlite:///{tmp_path}/state/biomero.sqlite",
            lab=slurm_lab,
            link=link,
            programs=programs,
        )
        yield from set_scene(scene)
        programs.forget()


@pytest.fixture
def shared_scene(
    slurm_lab: SlurmLab, programs: LabPrograms, durable_postgres: PostgresServer, tmp_path: Path
) -> Iterator[Scene]:
    """Return a scene with a cluster, and a record in PostgreSQL that several workers share."""
    with Link(slurm_lab.login_node.port) as link:
        scene = Scene(
            home=tmp_path,
            database=durable_postgres.database(),
            lab=slurm_lab,
            link=link,
            programs=programs,
            postgres=durable_postgres,
        )
        yield from set_scene(scene)
        programs.forget()


@pytest.fixture(scope="module")
def lab_without_accounting(pytestconfig: pytest.Config) -> Iterator[SlurmLab]:
    """Return a cluster that keeps no account of jobs and forgets them soon."""
    lab = start_lab(pytestconfig, accounting=False, min_job_age_s=2)
    yield lab
    lab.stop()


@pytest.fixture
def scene_without_accounting(lab_without_accounting: SlurmLab, tmp_path: Path) -> Iterator[Scene]:
    """Return a scene with such a cluster."""
    lab = lab_without_accounting
    with Link(lab.login_node.port) as link:
        database = f"sqlite:///{tmp_path}/state/biomero.sqlite"
        yield from set_scene(Scene(home=tmp_path, database=database, lab=lab, link=link))


@pytest.fixture
def local_scene(tmp_path: Path) -> Iterator[Scene]:
    """Return a scene on this machine alone, with a record in SQLite."""
    yield from set_scene(Scene(home=tmp_path, database=f"sqlite:///{tmp_path}/state/biomero.sqlite"))


@pytest.fixture
def local_shared_scene(tmp_path: Path, durable_postgres: PostgresServer) -> Iterator[Scene]:
    """Return a scene on this machine, with a record in PostgreSQL."""
    database = durable_postgres.database()
    yield from set_scene(Scene(home=tmp_path, database=database, postgres=durable_postgres))
