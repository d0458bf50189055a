"""The processor works with every release of omero-py that it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services import grid_scripts
from services.omero_grid import OmeroGrid
from services.omero_py import RELEASES
from services.omero_user import User
from services.processes import wait_until, with_environment

pytestmark = pytest.mark.grid


@pytest.mark.parametrize("release", RELEASES)
def test_scripts_run_and_end_with_omero_py(release: str, grid: OmeroGrid, user: User, tmp_path: Path) -> None:
    grid.restart_processor(release)
    run = user.start(user.upload("tells.py", grid_scripts.TELLS))
    assert run.wait() == 0, run.results()
    seen = json.loads(run.results()["stdout"])
    assert seen["omero"] == release
    assert seen["env"]["BIOMERO_SITE"] == "here"
    started = tmp_path / "started"
    leaves = user.start(user.upload("leaves.py", grid_scripts.leaves_processes(started)))
    wait_until(started.exists, "the script runs")
    leaves.cancel()
    assert leaves.wait() == -15
    assert leaves.status() == "Cancelled"
    assert with_environment(grid.script_mark) == []
