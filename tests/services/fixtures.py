"""Fixtures of the services that several folders of tests share; import them in a ``conftest.py``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.application.settings import AnalyticsSettings
from biomero.bootstrap import open_tracking
from services.omero_server import OmeroServer, omero_server_in
from services.postgres import PostgresServer
from services.slurm_lab import SlurmLab

_POSTGRES = pytest.StashKey[PostgresServer]()
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


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> PostgresServer:
    """Return a real PostgreSQL server: one for the session, a database for each test."""
    if _POSTGRES not in pytestconfig.stash:
        pytestconfig.stash[_POSTGRES] = start_postgres(pytestconfig)
    return pytestconfig.stash[_POSTGRES]


def start_postgres(config: pytest.Config, *, keeps_commits: bool = False) -> PostgresServer:
    """Start a server that stops with the session, and prepare what its databases are copies of."""
    folder = Path(tempfile.mkdtemp(prefix="biomero-postgres-"))
    server = PostgresServer(folder, keeps_commits=keeps_commits)

    def stop() -> None:
        server.halt()
        shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(stop)
    server.start()
    template = open_tracking(AnalyticsSettings(database_url=server.template()), folder)
    template.catch_up()
    template.close()
    return server


@pytest.fixture(scope="module")
def omero_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OmeroServer]:
    """Have a test server that speaks as OMERO does: one for the file of tests, with root alone in it."""
    with omero_server_in(tmp_path_factory.mktemp("omero")) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database of the test's own, once of SQLite and once of PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/record.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.database()
