"""Runs as crates, and runs once more: on this machine, as a user does it."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from services.command import THRESHOLD, User, image_file
from services.crate_validator import CrateValidator, crate_validator

HERE = ("--python", sys.executable)
HOSTILE = "a b;$(touch pwned)'\"\n.tif"


@pytest.fixture(scope="module")
def validator() -> CrateValidator:
    return crate_validator()


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(home=tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return [image_file(tmp_path / name, seed=i) for i, name in enumerate(["cell.tif", HOSTILE])]


def test_a_run_becomes_a_crate_that_others_can_read(
    user: User, images: list[Path], validator: CrateValidator
) -> None:
    ran = user.run(THRESHOLD, images, *HERE)
    assert ran.code == 0, ran.stderr
    folder = user.here("runs", "crate", "last", "-o", "crate", "--json")
    assert folder.code == 0, folder.stderr
    assert folder.document["findings"] == []
    assert validator.complaints(user.home / "crate") == ""
    graph = json.loads((user.home / "crate/ro-crate-metadata.json").read_bytes())["@graph"]
    (action,) = (e for e in graph if e["@type"] == "CreateAction")
    assert action["identifier"] == ran.document["id"]
    by_name = {e.get("name"): e for e in graph}
    assert by_name[HOSTILE]["sha256"] == hashlib.sha256(images[1].read_bytes()).hexdigest()
    for output in ran.document["outputs"]:
        assert by_name[output["path"]]["sha256"] == output["sha256"]
    archive = user.here("runs", "crate", "last", "-o", "crate.zip", "--with-inputs")
    assert archive.code == 0, archive.stderr
    assert validator.complaints(user.home / "crate.zip") == ""

    refused = user.here("runs", "crate", "last", "-o", "crate")
    assert refused.code == 2
    assert "--force" in refused.stderr
    next((user.home / "results/labels").iterdir()).write_bytes(b"tampered")
    changed = user.here("runs", "crate", "last", "-o", "crate", "--force")
    assert changed.code == 1
    assert "has changed since the run" in changed.stderr
    assert validator.complaints(user.home / "crate") == ""


def test_a_failed_run_becomes_a_crate_that_says_why(
    user: User, images: list[Path], validator: CrateValidator
) -> None:
    assert user.run(THRESHOLD, images, *HERE, "--param", "behave=fail").code == 1
    ended = user.here("runs", "crate", "last", "-o", "crate")
    assert ended.code == 0, ended.stderr
    assert validator.complaints(user.home / "crate") == ""
    graph = json.loads((user.home / "crate/ro-crate-metadata.json").read_bytes())["@graph"]
    (action,) = (e for e in graph if e["@type"] == "CreateAction")
    assert action["actionStatus"].endswith("FailedActionStatus")
    assert action["error"].startswith("container: ")
    (job,) = (e for e in graph if e["@type"] == "ControlAction" and "step workflow" in e["name"])
    assert job["actionStatus"].endswith("FailedActionStatus")


def test_a_run_once_more_brings_the_same(user: User, images: list[Path]) -> None:
    ran = user.run(THRESHOLD, images, *HERE, "--param", "level=200")
    assert ran.code == 0, ran.stderr
    again = user.biomero("runs", "rerun", "last", "--json")
    assert again.code == 0, again.stderr + again.stdout
    said = again.document
    assert said["is_equal"]
    assert said["first"]["id"] == ran.document["id"] != said["second"]["id"]
    assert said["program"]["is_equal"]
    assert len(said["program"]["identities"][0]) > 64
    assert {o["path"] for o in said["outputs"]} == {o["path"] for o in ran.document["outputs"]}
    assert {o["verdict"] for o in said["outputs"] if o["kind"] == "label"} <= {"equal", "same pixels"}
    assert (user.home / "results-rerun/report.html").is_file()
    shown = user.here("runs", "compare", said["first"]["id"], said["second"]["id"])
    assert shown.code == 0
    assert "not equal" not in shown.stdout


def test_a_changed_image_is_said_before_anything_is_sent(user: User, images: list[Path]) -> None:
    assert user.run(THRESHOLD, images, *HERE).code == 0
    image_file(images[0], seed=7, side=128)
    refused = user.here("runs", "rerun", "last")
    assert refused.code == 2
    assert "cell.tif has changed" in refused.stderr
    assert len(user.here("runs", "list", "--json").document["runs"]) == 1
    again = user.biomero("runs", "rerun", "last", "--changed-inputs-ok", "--results", "other", "--json")
    assert again.code == 1, again.stderr + again.stdout
    said = again.document
    assert said["inputs"]["changed"] == ["cell"]
    verdicts = {o["path"]: o["verdict"] for o in said["outputs"] if o["kind"] == "label"}
    assert verdicts.pop("labels/cell.ome.tif") == "different"
    assert set(verdicts.values()) <= {"equal", "same pixels"}
    assert (user.home / "other/report.html").is_file()


def test_a_run_that_fails_again_is_not_equal(user: User, images: list[Path]) -> None:
    assert user.run(THRESHOLD, images, *HERE, "--param", "behave=fail").code == 1
    again = user.biomero("runs", "rerun", "last", "--json")
    assert again.code == 1, again.stderr
    assert again.document["second"]["status"] == "failed"
    assert not again.document["is_equal"]
