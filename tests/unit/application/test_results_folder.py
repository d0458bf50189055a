from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from biomero.application.results_folder import (
    ResultsFolder,
    check_results_folder,
    claim_results_folder,
    fingerprint,
)
from biomero.domain.ids import RunId
from biomero.errors import InputError, UnsafePathError

RUN, OTHER = RunId("run-1"), RunId("run-2")


def test_a_folder_that_is_missing_or_holds_other_things_is_accepted(tmp_path: Path) -> None:
    check_results_folder(tmp_path / "new" / "deep", RUN)
    (tmp_path / "nuclei.tif").touch()
    check_results_folder(tmp_path, RUN)
    assert not (tmp_path / "new").exists()


def test_a_claimed_folder_is_the_runs_own_and_no_others(tmp_path: Path) -> None:
    claim_results_folder(tmp_path / "r", RUN)
    claim_results_folder(tmp_path / "r", RUN)
    with pytest.raises(InputError, match="run run-1; choose another folder"):
        check_results_folder(tmp_path / "r", OTHER)


@pytest.mark.parametrize("name", ["images", "report.html", "labels"])
def test_what_would_be_overwritten_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"has {name} already"):
        claim_results_folder(tmp_path, RUN)


def test_a_file_and_a_place_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        claim_results_folder(tmp_path / "file", RUN)
    with pytest.raises(InputError, match="cannot be written"):
        claim_results_folder(tmp_path / "file" / "below", RUN)


def test_a_run_json_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[1]")
    with pytest.raises(InputError, match=r"has run\.json already"):
        claim_results_folder(tmp_path, RUN)
    assert (tmp_path / "run.json").read_text() == "[1]"


CLAIM_WITHOUT_SPACE = """
import resource, sys
from pathlib import Path
from biomero.application.results_folder import claim_results_folder
from biomero.errors import InputError

resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # files may be made, but hold nothing
try:
    claim_results_folder(Path(sys.argv[1]), "run-1")
except InputError as exc:
    sys.exit(0 if "cannot be written" in str(exc) else 2)
"""


def test_a_claim_that_found_no_space_is_not_in_the_way_of_the_next(tmp_path: Path) -> None:
    tried = (sys.executable, "-c", CLAIM_WITHOUT_SPACE, str(tmp_path / "r"))
    subprocess.run(tried, check=True)
    claim_results_folder(tmp_path / "r", OTHER)


def test_no_two_outputs_get_one_name() -> None:
    folder = ResultsFolder(Path("unused"))
    assert [folder.name_for("labels", "sub/a", ".tif") for _ in range(3)] == [
        "labels/sub/a.tif",
        "labels/sub/a-2.tif",
        "labels/sub/a-3.tif",
    ]


def test_names_that_are_too_long_are_cut_and_stay_different(tmp_path: Path) -> None:
    claim_results_folder(tmp_path, RUN)
    with ResultsFolder(tmp_path) as folder:
        names = [folder.name_for("labels", "ä" * 125 + last, ".ome.tif") for last in "xy"]
        for name in names:
            folder.write(name, Path.touch)
    assert names[0] != names[1]
    assert len(list((tmp_path / "labels").iterdir())) == 2


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    results, outside = tmp_path / "results", tmp_path / "outside"
    claim_results_folder(results, RUN)
    outside.mkdir()
    (results / "labels").symlink_to(outside)
    with ResultsFolder(results) as folder:
        for name in ("../x", "files/../../x", "labels/x"):
            with pytest.raises(UnsafePathError):
                folder.write(name, lambda path: path.touch())
    assert list(outside.iterdir()) == []


def test_a_write_that_fails_leaves_what_stood_there(tmp_path: Path) -> None:
    claim_results_folder(tmp_path, RUN)

    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    def write_whole(path: Path) -> None:
        path.write_text("whole")

    with ResultsFolder(tmp_path) as folder:
        folder.write("files/a", write_whole)
        with pytest.raises(OSError, match="disk full"):
            folder.write("files/a", fail)
    assert (tmp_path / "files" / "a").read_text() == "whole"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files", "run.json"]


def test_a_folder_replaces_a_folder_and_links_stay_behind(tmp_path: Path) -> None:
    claim_results_folder(tmp_path / "r", RUN)
    source = tmp_path / "a.zarr"
    (source / "0").mkdir(parents=True)
    (source / "0" / "chunk").write_text("1")
    (source / "link").symlink_to("/etc/passwd")
    with ResultsFolder(tmp_path / "r") as folder:
        folder.copy(source, "images/a.zarr")
        (source / "0" / "chunk").write_text("2")
        folder.copy(source, "images/a.zarr")
    copied = tmp_path / "r" / "images" / "a.zarr"
    assert (copied / "0" / "chunk").read_text() == "2"
    assert not (copied / "link").exists()


def test_the_fingerprint_of_a_folder_is_that_of_sha256sums_list(tmp_path: Path) -> None:
    store = tmp_path / "s"
    (store / "a").mkdir(parents=True)
    (store / "a" / "1").write_bytes(b"one")
    (store / "a.b").write_bytes(b"two")
    script = "cd \"$1\" && find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum"
    listed = subprocess.run(["sh", "-c", script, "sh", os.fspath(store)], check=True, capture_output=True)
    assert fingerprint(store) == (hashlib.sha256(listed.stdout).hexdigest(), 6)
