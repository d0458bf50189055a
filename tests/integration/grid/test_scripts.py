"""Scripts of OMERO on a worker: real IceGrid, real IceStorm, real Glacier2, unmodified omero-py."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services import grid_scripts
from services.omero_grid import OmeroGrid
from services.omero_py import CURRENT, ensure_environment
from services.omero_user import User
from services.processes import wait_until, with_environment

pytestmark = pytest.mark.grid


def test_a_script_runs_there_and_back(user: User) -> None:
    script = user.upload("greets.py", grid_scripts.GREETS)
    assert user.parameters(script) == {"n": "RLongI"}
    run = user.start(script, n=42)
    assert run.wait() == 0
    assert run.results() == {
        "Message": "hello 42",
        "stdout": "to the output\n",
        "stderr": "to the error output",
    }
    assert run.status() == "Finished"


def test_a_script_reads_an_image_and_annotates_it(user: User, grid: OmeroGrid) -> None:
    pixels = np.arange(2 * 6 * 7, dtype="uint16").reshape(1, 2, 1, 6, 7)
    image = grid.seeds.add_image("cells.tif", pixels, owner="alice", group="lab")
    run = user.start(user.upload("adds.py", grid_scripts.ADDS_UP_AN_IMAGE), n=image)
    assert run.wait() == 0, run.results()
    assert run.results()["Message"] == f"cells.tif: {pixels[0, 1].sum()}"
    assert image in [link["parent"] for link in grid.seeds.rows("ImageAnnotationLink")]


def test_a_file_that_a_script_makes_comes_back(user: User) -> None:
    run = user.start(user.upload("makes.py", grid_scripts.MAKES_A_FILE))
    assert run.wait() == 0, run.results()
    lines = run.results()["Table"].splitlines()
    assert (len(lines), lines[0], lines[-1]) == (20001, "image,cells", "19999,7")


def test_a_script_that_fails_says_so_and_what_it_printed_is_kept(user: User, grid: OmeroGrid) -> None:
    run = user.start(user.upload("fails.py", grid_scripts.FAILS))
    assert run.wait() == 3
    assert run.status() == "Error"
    assert run.results()["stdout"] == "so far so good\n"
    kept = grid.worker / "var" / "log" / "scripts" / f"{run.job}.out"
    assert kept.read_text() == "so far so good\n"
    assert kept.parent.stat().st_mode & 0o077 == 0


def test_output_is_kept_for_a_month_by_a_processor_that_runs_on(user: User, grid: OmeroGrid) -> None:
    folder = grid.worker / "var" / "log" / "scripts"
    folder.mkdir(parents=True, exist_ok=True)
    for name, days in {"old.out": 31, "new.out": 29}.items():
        (folder / name).touch()
        os.utime(folder / name, (0, time.time() - days * 86400))
    run = user.start(user.upload("greets.py", grid_scripts.GREETS))
    assert run.wait() == 0
    assert {file.name for file in folder.iterdir()} == {"new.out", f"{run.job}.out", f"{run.job}.err"}


def told(user: User, name: str = "tells.py") -> dict[str, Any]:
    run = user.start(user.upload(name, grid_scripts.TELLS))
    assert run.wait() == 0, run.results()
    answer: dict[str, Any] = json.loads(run.results()["stdout"])
    return answer


def test_a_script_sees_proxies_and_biomero_and_nothing_else(user: User) -> None:
    seen = told(user)["env"]
    wanted = {
        "HTTP_PROXY": "http://proxy:3128",
        "no_proxy": "localhost",
        "PERSISTENCE_MODULE": "eventsourcing_sqlalchemy",
        "IMPORTER_ENABLED": "true",
        "BIOMERO_SITE": "here",
    }
    assert {name: seen.get(name) for name in wanted} == wanted
    assert {"SQLALCHEMY_URL", "AWS_SECRET_ACCESS_KEY", "BIOMERO_SMTP_PASSWORD"} & set(seen) == set()


def test_the_database_and_other_variables_are_seen_when_asked_for(user: User, grid: OmeroGrid) -> None:
    grid.restart_processor(
        CURRENT, BIOMERO_SCRIPT_DATABASE="yes", BIOMERO_SCRIPT_VARIABLES="SITE_*", SITE_A="1"
    )
    seen = told(user)["env"]
    assert seen["SQLALCHEMY_URL"] == "postgresql://biomero:secret@database/biomero"
    assert seen["SITE_A"] == "1"


def test_a_script_runs_with_the_interpreter_that_is_chosen_for_it(user: User, grid: OmeroGrid) -> None:
    other = ensure_environment("5.21.3")
    grid.restart_processor(CURRENT, BIOMERO_SCRIPT_PYTHONS=f"special_*.py={other}")
    assert told(user, "special_one.py")["omero"] == "5.21.3"
    assert told(user, "usual.py")["omero"] == CURRENT


def nothing_runs(grid: OmeroGrid) -> bool:
    return not with_environment(grid.script_mark)


@pytest.mark.parametrize("is_stubborn", [False, True])
def test_cancelling_ends_all_that_a_script_started(
    user: User, grid: OmeroGrid, tmp_path: Path, *, is_stubborn: bool
) -> None:
    started = tmp_path / "started"
    script = grid_scripts.leaves_processes(started, is_stubborn=is_stubborn)
    run = user.start(user.upload("leaves.py", script))
    wait_until(started.exists, "the script runs")
    wait_until(lambda: len(with_environment(grid.script_mark)) >= 5, "all its processes run")
    run.cancel()
    assert run.wait() == (-9 if is_stubborn else -15)
    assert run.status() == "Cancelled"
    assert nothing_runs(grid)
    assert run.results()["stdout"] == "they run\n"


def test_killing_ends_all_that_a_script_started(user: User, grid: OmeroGrid, tmp_path: Path) -> None:
    started = tmp_path / "started"
    run = user.start(user.upload("leaves.py", grid_scripts.leaves_processes(started, is_stubborn=True)))
    wait_until(started.exists, "the script runs")
    run.kill()
    assert run.wait() == -9
    assert run.status() == "Cancelled"
    assert nothing_runs(grid)


def test_nothing_is_left_of_a_script_that_ends_by_itself(user: User, grid: OmeroGrid, tmp_path: Path) -> None:
    run = user.start(user.upload("ends.py", grid_scripts.leaves_processes(tmp_path / "started", ends=True)))
    assert run.wait() == 0
    assert nothing_runs(grid)
    assert list((grid.folder / "tmp").glob("*/*/process*.dir")) == []


def test_a_script_that_takes_too_long_or_too_much_is_ended(
    user: User, grid: OmeroGrid, tmp_path: Path
) -> None:
    grid.restart_processor(CURRENT, BIOMERO_SCRIPT_TIME_LIMIT_S="4", BIOMERO_SCRIPT_MEMORY_MB="600")
    long = user.start(user.upload("long.py", grid_scripts.leaves_processes(tmp_path / "started")))
    assert long.wait() == 124
    assert "4 s, which is the limit" in long.results()["stderr"]
    assert long.status() == "Error"
    big = user.start(user.upload("big.py", grid_scripts.takes_memory(800)))
    assert big.wait() == 137
    assert "600 MB, which is the limit" in big.results()["stderr"]
    assert nothing_runs(grid)


def test_scripts_above_the_number_at_once_wait_for_their_turn(
    user: User, grid: OmeroGrid, tmp_path: Path
) -> None:
    grid.restart_processor(CURRENT, BIOMERO_SCRIPTS_AT_ONCE="1")
    go = tmp_path / "go"
    first = user.start(user.upload("a.py", grid_scripts.waits_for(go, tmp_path / "a")))
    wait_until((tmp_path / "a").exists, "the first runs")
    second = user.start(user.upload("b.py", grid_scripts.waits_for(go, tmp_path / "b")))
    third = user.start(user.upload("c.py", grid_scripts.waits_for(go, tmp_path / "c")))
    third.cancel()
    assert third.wait() == -15
    assert second.poll() is None
    assert not (tmp_path / "b").exists()
    go.touch()
    assert (first.wait(), second.wait()) == (0, 0)
    assert not (tmp_path / "c").exists()
