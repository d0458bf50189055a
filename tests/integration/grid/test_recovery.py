"""Processes of a grid are killed; it works again, and nothing is left of what was."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from services import grid_scripts
from services.omero_grid import OmeroGrid
from services.omero_user import Run, User
from services.processes import start_time, wait_until, with_environment

pytestmark = pytest.mark.grid


@pytest.fixture
def running(user: User, tmp_path: Path) -> Run:
    started = tmp_path / "started"
    run = user.start(user.upload("leaves.py", grid_scripts.leaves_processes(started, is_stubborn=True)))
    wait_until(started.exists, "the script runs")
    return run


def nothing_runs(grid: OmeroGrid) -> bool:
    return with_environment(grid.script_mark) == []


def test_a_killed_processor_takes_its_scripts_along_and_the_next_one_tells_omero(
    running: Run, grid: OmeroGrid
) -> None:
    before = grid.processor_pid()
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: nothing_runs(grid), "the script is ended")
    wait_until(lambda: grid.processor_pid() not in {None, before}, "another processor", timeout_s=60)
    grid.await_processor()
    assert running.status() == "Error"
    assert (grid.worker / "var" / "log" / "scripts" / f"{running.job}.out").read_text() == "they run\n"
    assert list((grid.folder / "tmp").glob("*/*/process*.dir")) == []
    assert grid.runs_a_script()


def test_keepers_that_were_killed_too_leave_nothing_to_the_next_processor(
    running: Run, grid: OmeroGrid
) -> None:
    before = grid.processor_pid()
    assert before is not None
    keepers = [pid for pid in with_environment(grid.script_mark) if is_keeper(pid)]
    assert len(keepers) == 1
    # frozen, it cannot see that the processor has gone; killed, it ends nothing
    os.kill(keepers[0], signal.SIGSTOP)
    os.kill(before, signal.SIGKILL)
    os.kill(keepers[0], signal.SIGKILL)
    wait_until(lambda: grid.processor_pid() not in {None, before}, "another processor", timeout_s=60)
    grid.await_processor()
    assert nothing_runs(grid)
    assert running.status() == "Error"


def test_a_killed_processor_whose_number_another_process_has_is_known_to_be_gone(
    running: Run, grid: OmeroGrid
) -> None:
    before = grid.processor_pid()
    grid.disable_processor(kills=True)
    wait_until(lambda: nothing_runs(grid), "the script is ended")
    # as after the start of a container, where numbers are given anew
    (folder,) = (grid.folder / "tmp").glob(f"*/{before}")
    folder.rename(folder.with_name(str(os.getpid())))
    grid.enable_processor()
    assert running.status() == "Error"
    assert list((grid.folder / "tmp").glob("*/*/process*.dir")) == []


def is_keeper(pid: int) -> bool:
    return b"biomero.entrypoints.processor.keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_killed_node_comes_back_with_one_processor(running: Run, grid: OmeroGrid) -> None:
    before = grid.processor_pid()
    assert before is not None
    grid.kill_worker()
    wait_until(lambda: not processors(grid), "the processor without a node ends")
    wait_until(lambda: nothing_runs(grid), "its script, too")
    assert running.status() in {"Error", "Cancelled"}
    grid.start_worker()
    wait_until(lambda: grid.processor_pid() not in {None, before}, "a processor", timeout_s=60)
    grid.await_processor()
    assert grid.runs_a_script()
    assert len(processors(grid)) == 1


def processors(grid: OmeroGrid) -> list[int]:
    def is_processor(pid: int) -> bool:
        return start_time(pid) is not None and b"runProcessor" in Path(f"/proc/{pid}/cmdline").read_bytes()

    return [pid for pid in with_environment(grid.mark) if is_processor(pid)]


def test_a_registry_that_was_killed_with_blitz_comes_back_and_finds_the_processor(grid: OmeroGrid) -> None:
    before = grid.processor_pid()
    assert grid.runs_a_script()
    grid.kill_master()
    grid.start_master()
    wait_until(lambda: grid.processor_pid() is not None, "the processor", timeout_s=60)
    assert grid.processor_pid() == before
    wait_until(grid.runs_a_script, "scripts run again", timeout_s=60)


def test_a_processor_that_icestorm_has_forgotten_is_asked_again(grid: OmeroGrid) -> None:
    before = grid.processor_pid()
    assert grid.runs_a_script()
    # it forgets a subscriber whom a message did not reach; messages to the one before count, too
    grid.forget_subscribers()
    wait_until(grid.runs_a_script, "scripts run again", timeout_s=60)
    assert grid.processor_pid() == before


def test_another_worker_has_an_identity_of_its_own_and_takes_over(grid: OmeroGrid) -> None:
    with grid.another_processor("Processor-1"):
        wait_until(lambda: len(grid.processor_objects()) == 2, "both are known", timeout_s=60)
        own, other = sorted(grid.processor_objects(), key=lambda name: name != f"Processor-{grid.name}")
        assert own == f"Processor-{grid.name}"
        assert other.startswith("Processor-")
        grid.disable_processor()
        try:
            wait_until(grid.runs_a_script, "the other runs it", timeout_s=60)
        finally:
            grid.enable_processor()
