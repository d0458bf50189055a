"""What all tests of images need: a Podman, and a grid that waits for its worker."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.omero_grid import OmeroGrid
from services.podman import Podman, podman_of_this_machine


@pytest.fixture(scope="module")
def podman() -> Podman:
    return podman_of_this_machine()


@pytest.fixture(scope="module")
def master() -> Iterator[OmeroGrid]:
    """Return a grid that waits for its worker."""
    folder = Path(tempfile.mkdtemp(prefix="biomero-grid-"))
    folder.chmod(0o755)
    grid = OmeroGrid(folder, has_worker=False)
    try:
        grid.start()
        yield grid
    finally:
        grid.stop()
        shutil.rmtree(folder, ignore_errors=True)
