"""The main job on this machine: no cluster, no container."""

from __future__ import annotations

import hashlib
import signal
import sys
import time
from pathlib import Path

import pytest
import tifffile

from services.command import THRESHOLD, User, image_file

HERE = ("--python", sys.executable)
HOSTILE = "a b;$(touch pwned)'\"\n.tif"


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(home=tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return [image_file(tmp_path / f"cell_{i}.tif", seed=i) for i in range(3)]


def test_images_become_labels_and_a_report(user: User, images: list[Path]) -> None:
    ended = user.run(THRESHOLD, images, *HERE)
    assert ended.code == 0, ended.stderr + ended.stdout
    document = ended.document
    assert document["status"] == "done"
    assert [i["objects"] for i in document["images"]] == [1, 1, 1]
    assert all(i["stages"]["delivered"] == "done" for i in document["images"])
    results = user.home / "results"
    labels = [o for o in document["outputs"] if o["kind"] == "label"]
    assert len(labels) == 3
    for output in labels:
        file = results / output["path"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == output["sha256"]
        assert int(tifffile.imread(file).sum()) == 16 * 16
    assert (results / "report.html").stat().st_size > 1000
    assert len(list((results / "overlays").iterdir())) == 3
    assert not (user.home / "state" / "runs" / document["id"]).exists()


def test_a_hostile_file_name_and_parameter_are_only_names(user: User) -> None:
    hostile = image_file(user.home / HOSTILE)
    ended = user.run(THRESHOLD, [hostile], *HERE, "--param", "note=$(touch pwned)`touch pwned`", "--keep")
    assert ended.code == 0, ended.stderr + ended.stdout
    assert not list(user.home.rglob("pwned"))
    log = next((user.home / "results" / "logs").glob("workflow*"))
    assert "note: '$(touch pwned)`touch pwned`'" in log.read_text()


def test_one_unreadable_image_does_not_stop_the_others(user: User, images: list[Path]) -> None:
    broken = user.home / "broken.tif"
    broken.write_bytes(images[0].read_bytes()[:3000])
    ended = user.run(THRESHOLD, [*images, broken], *HERE)
    assert ended.code == 0, ended.stderr + ended.stdout
    failed = [i for i in ended.document["images"] if i["failure"]]
    assert [i["name"] for i in failed] == ["broken"]
    assert failed[0]["failure"]["failure_class"] == "data"
    assert "truncated" in failed[0]["failure"]["message"]


def test_one_unreadable_image_stops_all_where_the_user_wants_it(user: User, images: list[Path]) -> None:
    broken = user.home / "broken.tif"
    broken.write_bytes(b"II*\0")
    ended = user.run(THRESHOLD, [*images, broken], *HERE, "--on-error", "stop")
    assert ended.code == 2
    assert "broken.tif" in ended.document["error"]["message"]
    assert user.here("runs", "list", "--json").document["runs"] == []


def test_a_program_that_fails_after_writing_is_a_failed_run(user: User, images: list[Path]) -> None:
    ended = user.run(THRESHOLD, images, *HERE, "--param", "behave=fail")
    assert ended.code == 1
    failure = ended.document["failure"]
    assert failure["failure_class"] == "container"
    assert failure["exit_code"] == 1
    assert "the model did not converge" in failure["log_tail"]
    page = (user.home / "results" / "report.html").read_text()
    assert "the model did not converge" in page


def test_a_program_that_writes_nothing_is_a_failed_run(user: User, images: list[Path]) -> None:
    ended = user.run(THRESHOLD, images, *HERE, "--param", "behave=nothing")
    assert ended.code == 1
    assert "wrote nothing" in ended.document["failure"]["message"]


def test_batches_are_judged_one_by_one(user: User, images: list[Path]) -> None:
    ended = user.run(THRESHOLD, images, *HERE, "--param", "behave=one", "--batch-size", "1")
    assert ended.code == 0, ended.stderr + ended.stdout
    states = {i["name"]: i["failure"] for i in ended.document["images"]}
    assert states["cell_0"] is None
    assert states["cell_2"] is None
    assert states["cell_1"]["exit_code"] == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.tif"], "no such file"),
        (["."], "is a folder"),
        (["a.tif", "sub/a.tif"], "two images would have one name"),
        (["empty.tif"], "empty"),
        (["text.tif"], "text.tif"),
        (["a.tif", "--param", "level=high"], "level"),
        (["a.tif", "--param", "levle=3"], "level"),
        (["a.tif", "--param", "behave=badly"], "behave"),
        (["a.tif", "--param", "level"], "NAME=VALUE"),
        (["a.tif", "--mem", "lots"], "memory"),
        (["a.tif", "--input", "nothing=a.tif"], "nothing"),
        (["a.tif", "--runtime", "apptainer", "--python", "x"], "--python"),
        (["a.tif", "--python", "/nowhere/python"], "/nowhere/python"),
        (["a.tif", "--runtime", "singularity"], "singularity"),
        (["a.tif", "--config", "nowhere.ini"], "nowhere.ini"),
        ([], "no image"),
    ],
)
def test_bad_input_is_named_and_nothing_is_started(user: User, words: list[str], message: str) -> None:
    (user.home / "sub").mkdir()
    for place in (user.home, user.home / "sub"):
        image_file(place / "a.tif")
    (user.home / "empty.tif").touch()
    (user.home / "text.tif").write_text("not an image")
    ended = user.here("run", THRESHOLD, *words, "--out", user.home / "results")
    assert ended.code == 2, ended.stderr
    assert message in ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 3
    assert not (user.home / "results").exists()
    assert user.here("runs", "list", "--json").document["runs"] == []


def test_a_missing_input_is_named_and_nothing_is_started(user: User, images: list[Path]) -> None:
    ended = user.here("run", "measure", *images, "--out", "results")
    assert ended.code == 2, ended.stderr
    assert "--input labels=PATH" in ended.stderr
    assert user.here("runs", "list", "--json").document["runs"] == []


def test_an_unknown_workflow_is_named_with_the_nearest_ones(user: User, images: list[Path]) -> None:
    ended = user.here("run", "nuclei-segmentatoin", *images, "--out", "results", "--json")
    assert ended.code == 2
    assert "nuclei-segmentation" in ended.document["error"]["message"]


def test_what_the_command_line_itself_refuses_is_json_too(user: User) -> None:
    ended = user.here("run", THRESHOLD, "a.tif", "--json")
    assert ended.code == 2
    assert "--out" in ended.document["error"]["message"]


def test_results_of_another_run_are_never_overwritten(user: User, images: list[Path]) -> None:
    assert user.run(THRESHOLD, images, *HERE).code == 0
    ended = user.here("run", THRESHOLD, *images, "--out", "results", "--json")
    assert ended.code == 2
    assert "holds the results of run" in ended.document["error"]["message"]


def test_runs_are_seen_and_cancelled_from_another_shell(user: User, images: list[Path]) -> None:
    with user.started(
        "run", THRESHOLD, *images, "--out", "results", *HERE, "--param", "behave=sleep"
    ) as driver:
        deadline = time.monotonic() + 60
        while (shown := user.here("runs", "show", "last", "--json")).code or shown.document[
            "status"
        ] != "running":
            assert time.monotonic() < deadline, shown.stdout + shown.stderr
            time.sleep(0.3)
        assert "wrote cell_2.tif" in user.biomero("runs", "logs", "last").stdout
        cancelled = user.biomero("runs", "cancel", "last", "--json")
        assert cancelled.code == 0, cancelled.stderr
        assert cancelled.document["status"] == "cancelled"
        assert driver.wait(timeout=30) == 1
    (task,) = cancelled.document["jobs"][-1]["tasks"]
    assert task["state"] in {"CANCELLED", "RUNNING"}


def test_a_driver_that_is_killed_loses_nothing(user: User, images: list[Path]) -> None:
    with user.started("run", THRESHOLD, *images, "--out", "results", *HERE):
        deadline = time.monotonic() + 60
        while not (listed := user.here("runs", "list", "--json").document["runs"]) or (
            listed[0]["status"] in {"submitted", "exporting"}
        ):
            assert time.monotonic() < deadline
    resumed = user.biomero("runs", "resume", "last", "--json")
    assert resumed.code == 0, resumed.stderr + resumed.stdout
    assert [i["objects"] for i in resumed.document["images"]] == [1, 1, 1]
    keys = [job["key"] for job in resumed.document["jobs"]]
    assert len(keys) == len(set(keys))


def test_an_interrupted_run_is_left_as_it_is_and_can_be_cancelled(user: User, images: list[Path]) -> None:
    with user.started(
        "run", THRESHOLD, *images, "--out", "results", *HERE, "--param", "behave=sleep"
    ) as driver:
        deadline = time.monotonic() + 60
        while user.here("runs", "show", "last", "--json").document.get("status") != "running":
            assert time.monotonic() < deadline
            time.sleep(0.3)
        driver.send_signal(signal.SIGINT)
        assert driver.wait(timeout=30) == 130
    assert user.here("runs", "show", "last", "--json").document["status"] == "running"
    assert user.biomero("runs", "cancel", "last", "--json").document["status"] == "cancelled"
