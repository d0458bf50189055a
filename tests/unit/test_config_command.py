"""`biomero config` as a user has it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from services.command import BIOMERO, User

URL = "postgresql://me:hunter2@db.example.org/biomero"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    """A user whose home, and whose own file of settings, are in a folder of the test."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SQLALCHEMY_URL", raising=False)
    return User(home=tmp_path)


def own_file(user: User) -> Path:
    return user.home / "slurm-config.ini"


def test_every_value_is_shown_with_its_place_and_no_secret(user: User) -> None:
    own_file(user).write_text(f"[SSH]\nhost = lisa\n[ANALYTICS]\nsqlalchemy_url = {URL}\n")
    shown = user.here("config", "show", "--origin")
    assert shown.code == 0
    assert f"# {own_file(user)}:2\nhost = lisa\n" in shown.stdout
    assert "sqlalchemy_url = postgresql://me:***@db.example.org/biomero\n" in shown.stdout
    assert "# default\nslurm_data_path = my-scratch/data\n" in shown.stdout
    document = user.here("config", "show", "--json")
    rows = {(r["section"], r["key"]): r for r in document.document["settings"]}
    assert rows["SSH", "host"]["origin"] == {"file": str(own_file(user)), "line": 2, "variable": None}
    assert rows["WORKFLOWS", "cellpose_repo"]["value"].startswith("https://github.com/")
    assert "hunter2" not in shown.stdout + shown.stderr + document.stdout


def test_a_check_lists_everything_and_has_an_exit_code(user: User) -> None:
    own_file(user).write_text("[SLURM]\nimage_pull_cpus = x\nslurm_data_pth = /a\n")
    checked = user.here("config", "check")
    assert checked.code == 2
    assert f"problem  {own_file(user)}:2: [SLURM] image_pull_cpus: wanted is" in checked.stderr
    assert f"warning  {own_file(user)}:3: [SLURM] slurm_data_pth" in checked.stderr
    document = user.here("config", "check", "--json").document
    assert [(p["line"], p["key"]) for p in document["problems"]] == [(2, "image_pull_cpus")]
    assert [(w["line"], w["key"]) for w in document["warnings"]] == [(3, "slurm_data_pth")]


def test_a_file_can_be_checked_by_itself(user: User) -> None:
    own_file(user).write_text("broken")
    other = user.home / "other.ini"
    other.write_text("[SSH]\nhost = lisa\n")
    assert user.here("config", "check", other).code == 0
    assert user.here("config", "check", user.home / "absent.ini").code == 2


def test_a_value_is_set_and_taken_away(user: User) -> None:
    done = user.here("config", "set", "SSH.host", "lisa")
    assert (done.code, done.stdout) == (0, f"[SSH] host is set in {own_file(user)}\n")
    assert own_file(user).read_text() == "[SSH]\nhost = lisa\n"
    assert user.here("config", "unset", "SSH.host", "--json").document["backup"] == f"{own_file(user)}.bak"
    assert own_file(user).read_text() == "[SSH]\n"
    refused = user.here("config", "set", "SLURM.image_pull_cpus", "x")
    assert (refused.code, own_file(user).read_text()) == (2, "[SSH]\n")
    assert "whole number" in refused.stderr


def test_a_workflow_that_comes_along_can_be_taken_away(user: User) -> None:
    assert user.here("config", "set", "WORKFLOWS.remove", "stardist, deepcell").code == 0
    listed = {w["name"] for w in user.here("workflows", "list", "--json").document["workflows"]}
    assert {"cellpose", "nuclei-segmentation"} <= listed
    assert not listed & {"stardist", "deepcell"}


def test_the_reference_is_printed(user: User) -> None:
    assert user.here("config", "reference").stdout.startswith("<!--")
    assert "[SLURM]" in user.here("config", "reference", "--ini").stdout


def test_a_secret_is_given_by_standard_input(user: User) -> None:
    done = subprocess.run(
        [str(BIOMERO), "config", "set", "ANALYTICS.sqlalchemy_url", "-"],
        env=dict(user.env()),
        input=f"{URL}\n".encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, own_file(user).read_text()) == (0, f"[ANALYTICS]\nsqlalchemy_url = {URL}\n")
    assert b"hunter2" not in done.stdout + done.stderr
