"""A user at OMERO starts our script, which is killed; a worker that is a process brings the results to OMERO.

All between is real: IceGrid, Glacier2, IceStorm, Processor-0, sessions, the worker's socket, and the job.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biomero.constants import CLEANUP, results, transfer, workflow
from services.command import REPOSITORY, THRESHOLD, User
from services.omero_grid import OmeroGrid
from services.omero_py import CURRENT
from services.omero_seeds import PASSWORD
from services.processes import wait_until
from services.worker_process import WorkerProcess, has_status, worker_process

pytestmark = [pytest.mark.grid, pytest.mark.omero, pytest.mark.slow, pytest.mark.timeout(900)]

_SCRIPTS = REPOSITORY / "src" / "biomero" / "entrypoints" / "omero_scripts" / "scripts"
_SERVICE = "biomero-service"
_WITHIN_S = 400.0


@pytest.fixture
def grid() -> Iterator[OmeroGrid]:
    folder = Path(tempfile.mkdtemp(prefix="biomero-grid-"))
    made = OmeroGrid(folder)
    try:
        made.start()
        made.seeds.add_user(_SERVICE, is_admin=True, privileges=["Sudo"])
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shell(grid: OmeroGrid, tmp_path: Path) -> User:
    """Return the account of a worker that knows the grid's OMERO, and one workflow of its own."""
    secret = tmp_path / "omero-password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    settings = tmp_path / "slurm-config.ini"
    settings.write_text(
        f"[OMERO]\nhost = tcp://127.0.0.1:{grid.files.router_port}\nuser = {_SERVICE}\n"
        f"password_file = {secret}\n[WORKFLOWS]\nthreshold_repo = {THRESHOLD}\n"
    )
    return User(home=tmp_path, variables={"BIOMERO_SLURM_CONFIG_FILE": str(settings)})


@pytest.fixture
def worker(shell: User) -> Iterator[WorkerProcess]:
    with worker_process(shell) as made:
        yield made


def images_in(grid: OmeroGrid, count: int) -> tuple[int, list[int]]:
    """Make a dataset of alice's, with images of one bright square each."""
    dataset = grid.seeds.add_container("Dataset", "cells", owner="alice", group="lab")
    pixels = np.full((1, 1, 1, 48, 48), 10, np.uint16)
    pixels[..., 8:16, 8:16] = 1000
    names = [f"cell {i} $(id).tif" for i in range(count)]
    return dataset, [
        grid.seeds.add_image(name, pixels, owner="alice", group="lab", dataset=dataset) for name in names
    ]


def runs(shell: User) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shell.here("runs", "list", "--json").document["runs"]
    return found


def test_the_script_dies_and_the_results_arrive(grid: OmeroGrid, shell: User, worker: WorkerProcess) -> None:
    dataset, images = images_in(grid, 2)
    grid.restart_processor(CURRENT, BIOMERO_STATE=str(shell.home / "state"))
    inputs = {
        transfer.DATA_TYPE: "Dataset",
        transfer.IDS: [dataset],
        "threshold": True,
        workflow.OUTPUT_CREATE_ROIS: True,
        workflow.OUTPUT_NEW_DATASET: "by a script",
        workflow.OUTPUT_PARENT: True,
        CLEANUP: True,
    }
    with grid.user() as alice:
        script = alice.upload("SLURM_Run_Workflow.py", (_SCRIPTS / "SLURM_Run_Workflow.py").read_text())
        assert "threshold_|_level" in alice.parameters(script)
        started: Any = alice.start(script, **inputs)  # type: ignore[arg-type] # names of fields are no arguments
        wait_until(lambda: bool(runs(shell)), "the run is asked for", timeout_s=_WITHIN_S)
        sessions = set(grid.seeds.ask("open_sessions", user="alice"))
        started.kill()
        assert started.wait() != 0
        (run,) = runs(shell)
        assert run["user"] == "alice"
        ended = ("done", "failed", "paused")
        wait_until(lambda: has_status(shell, run["id"], *ended), "the run ends", timeout_s=_WITHIN_S)
        update = alice.upload("SLURM_Get_Update.py", (_SCRIPTS / "SLURM_Get_Update.py").read_text())
        asked: Any = alice.start(update, **{results.WORKFLOW_UUID: run["id"]})
        assert asked.wait() == 0
        said = asked.results()["Message"]
        check = alice.upload("SLURM_check_setup.py", (_SCRIPTS / "SLURM_check_setup.py").read_text())
        checked = alice.start(check)
        checked.wait()
        assert "checks went well" in checked.results()["Message"]
    assert "Threshold is done" in said, (said, worker.text[-3000:])
    assert "2 of 2 images, 2 objects" in said
    rois = grid.seeds.rows("Roi")
    assert sorted(roi["image"] for roi in rois) == sorted(images)
    made = [row for row in grid.seeds.rows("Dataset") if row["name"] == "by a script"]
    assert len(made) == 1
    assert any(str(row["name"]).endswith(".zip") for row in grid.seeds.rows("OriginalFile"))
    record = json.dumps(shell.here("runs", "show", run["id"], "--json").document)
    assert sessions
    assert not [number for number in sessions if number in worker.text or number in record]
