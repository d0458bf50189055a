"""A grid for each file of tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.omero_grid import OmeroGrid
from services.omero_py import CURRENT
from services.omero_user import User

VARIABLES = {
    "HTTP_PROXY": "http://proxy:3128",
    "no_proxy": "localhost",
    "PERSISTENCE_MODULE": "eventsourcing_sqlalchemy",
    "IMPORTER_ENABLED": "true",
    "BIOMERO_SITE": "here",
    "BIOMERO_SMTP_PASSWORD": "not for scripts either",
    "SQLALCHEMY_URL": "postgresql://biomero:secret@database/biomero",
    "AWS_SECRET_ACCESS_KEY": "not for scripts",
}


@pytest.fixture(scope="module")
def shared_grid() -> Iterator[OmeroGrid]:
    folder = Path(tempfile.mkdtemp(prefix="biomero-grid-"))
    grid = OmeroGrid(folder, variables=VARIABLES)
    try:
        grid.start()
        yield grid
    finally:
        grid.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def grid(shared_grid: OmeroGrid) -> Iterator[OmeroGrid]:
    """Return the grid with a processor as it is installed, whatever the test before chose."""
    if shared_grid.is_changed:
        shared_grid.restart_processor(CURRENT)
    yield shared_grid
    for kept in (shared_grid.worker / "var" / "log" / "scripts").glob("*"):
        kept.unlink()


@pytest.fixture
def user(grid: OmeroGrid) -> Iterator[User]:
    with grid.user() as user:
        yield user
