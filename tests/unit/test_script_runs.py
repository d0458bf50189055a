"""Runs that a script drives, as the command line shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from biomero.bootstrap import open_tracking, settings_for
from biomero.entrypoints.cli.exits import USAGE
from biomero.entrypoints.cli.main import main


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BIOMERO_STATE", str(tmp_path / "state"))
    settings = settings_for()
    tracking = open_tracking(settings.analytics, settings.state_folder)
    found = tracking.tracker.initiate_workflow("Cellpose on Tuesday", "d", 3, 4)
    assert found is not None
    tracking.tracker.fail_workflow(found, "the export said no")
    tracking.close()
    return str(found)


def test_they_are_listed_and_shown(run_id: str) -> None:
    listed = CliRunner().invoke(main, ["runs", "list", "--json"])
    (run,) = json.loads(listed.output)["runs"]
    assert (run["id"], run["status"], run["workflow"]["name"]) == (run_id, "failed", "Cellpose on Tuesday")
    shown = CliRunner().invoke(main, ["runs", "show", run_id])
    assert "the export said no" in shown.output
    assert "by a script" in shown.output


@pytest.mark.parametrize("command", ["cancel", "resume", "retry", "pause", "watch", "logs"])
def test_they_are_not_ours_to_go_on_with(run_id: str, command: str) -> None:
    done = CliRunner().invoke(main, ["runs", command, run_id])
    assert done.exit_code == USAGE
    assert "a script drives that run" in done.output
