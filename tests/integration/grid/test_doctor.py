"""`biomero doctor` on a worker of a real grid."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.grid_files import WORKER
from services.omero_grid import OmeroGrid
from services.omero_py import CURRENT, ensure_environment
from services.processes import free_ports

pytestmark = pytest.mark.grid


def findings(grid: OmeroGrid, home: Path, *options: str, **variables: str) -> dict[str, dict[str, Any]]:
    """Examine, in an environment that has omero-py; return findings by code."""
    biomero = ensure_environment(CURRENT).with_name("biomero")
    here = {
        "OMERODIR": str(grid.worker),
        "OMERO_WORKER_NAME": WORKER,
        "HOME": str(home),
        "BIOMERO_STATE": str(home),
    }
    done = subprocess.run(
        (biomero, "doctor", "--json", *options),
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env={"PATH": os.environ["PATH"], **here, **variables},
    )
    assert done.stdout, done.stderr
    return {finding["code"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_all_is_well(grid: OmeroGrid, tmp_path: Path) -> None:
    found = findings(grid, tmp_path, "--quick", BIOMERO_SITE="here")
    assert found["omero.grid"]["message"] == f"its nodes: {WORKER}, master"
    assert found["omero.processor"]["message"] == f"scripts run in Processor-0 on {WORKER}, and nowhere else"
    assert "omero.script" not in found
    assert {f["level"] for code, f in found.items() if code.startswith("omero")} == {"ok"}
    assert found["omero.grid"]["place"] == "omero"


def test_a_script_goes_there_and_back_and_its_variables_are_compared(grid: OmeroGrid, tmp_path: Path) -> None:
    found = findings(grid, tmp_path, FTP_PROXY="http://not-in-the-grid")
    assert "it ran there and back, with BIOMERO 3." in found["omero.script"]["message"]
    assert (found["omero.variables"]["level"], found["omero.variables"]["message"]) == (
        "warning",
        "they do not see BIOMERO_STATE, FTP_PROXY",
    )


def test_a_registry_that_does_not_answer_is_a_problem(grid: OmeroGrid, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    (tmp_path / "etc").mkdir()
    locator = f"IceGrid/Locator:tcp -h 127.0.0.1 -p {port}"
    (tmp_path / "etc" / "internal.cfg").write_text(f"Ice.Default.Locator={locator}\n")
    found = findings(grid, tmp_path, "--quick", OMERODIR=str(tmp_path))
    assert found["omero.grid"]["level"] == "problem"
    assert (
        found["omero.grid"]["message"]
        == f"no answer at tcp -h 127.0.0.1 -p {port}: ConnectionRefusedException"
    )
    assert found["omero.grid"]["remedy"]


def test_another_node_s_processor_is_a_problem(grid: OmeroGrid, tmp_path: Path) -> None:
    found = findings(grid, tmp_path, "--quick", OMERO_WORKER_NAME="another")
    assert found["omero.processor"]["level"] == "problem"
    assert (
        f"it runs as Processor-0 on {WORKER}, and not on this node, another"
        in found["omero.processor"]["message"]
    )


def test_a_second_active_processor_and_none_are_problems(grid: OmeroGrid, tmp_path: Path) -> None:
    with grid.another_processor("Processor-1"):
        found = findings(grid, tmp_path, "--quick")
        assert found["omero.processor"]["level"] == "problem"
        assert "more than one takes scripts" in found["omero.processor"]["message"]
    grid.disable_processor()
    try:
        found = findings(grid, tmp_path, "--quick")
    finally:
        grid.enable_processor()
    assert found["omero.processor"]["level"] == "problem"
    assert "does not run" in found["omero.processor"]["message"]


def test_a_key_that_others_can_read_is_told_of(grid: OmeroGrid, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    key = tmp_path / ".ssh" / "id_ed25519"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    key.chmod(0o640)
    assert findings(grid, tmp_path, "--quick")["ssh.keys"]["message"] == "its mode is 640"
    key.chmod(0o600)
    assert findings(grid, tmp_path, "--quick")["ssh.keys"]["level"] == "ok"
