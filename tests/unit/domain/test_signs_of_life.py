"""What a job script does so that one can see from afar that it works, whatever Slurm knows of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.domain.exit_record import parse_exit_files
from biomero.domain.ids import JobKey
from biomero.domain.job import JobState
from biomero.domain.job_script import JobScript
from services.processes import end, name_of, parent, wait_until, with_environment

KEY = JobKey("run-1.segment")
PROGRAM = """
trap 'echo told >>told' TERM
touch ready
while [ ! -e go ]; do read -rt 0.05 <>fifo || true; done
"""


class Job:
    """A job whose program waits for a file ``go``."""

    def __init__(self, folder: Path, *, task: int | None = None) -> None:
        self.folder = folder
        self.claim = folder / f"claim.{KEY}"
        self.alive = self.claim / ("alive" if task is None else f"alive.{task}")
        self._mark = f"TEST_FOLDER={folder}"
        array = {} if task is None else {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(task)}
        command = ("bash", "-c", PROGRAM)
        script = JobScript(
            key=KEY,
            folder=str(folder),
            command=command if task is None else (),
            array_commands=() if task is None else (command,) * (task + 1),
        )
        os.mkfifo(folder / "fifo")
        self.process = subprocess.Popen(
            ["bash", "-c", script.text],
            env={"PATH": os.environ["PATH"], "SLURM_JOB_ID": "7", "TEST_FOLDER": str(folder), **array},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        wait_until(lambda: (folder / "ready").exists() and bool(self.sleeps()), "the job is at work")

    def processes(self) -> list[int]:
        return with_environment(self._mark)

    def sleeps(self) -> list[int]:
        """Return the process that the next sign of life waits for."""
        return [pid for pid in self.processes() if name_of(pid) == "sleep"]

    def let_time_pass(self) -> None:
        """Let half a minute be over at once."""
        end(self.sleeps())

    def give_way(self) -> tuple[int, bytes]:
        """Let the program end, and return how the job ended, and all that it said."""
        (self.folder / "go").touch()
        said, complained = self.process.communicate(timeout=20)
        return self.process.returncode, said + complained


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    made = Job(tmp_path)
    yield made
    end(made.processes())
    made.process.communicate()


def age(path: Path) -> float:
    """Return how old a file is, in seconds; a day if it is not there."""
    return time.time() - path.stat().st_mtime if path.exists() else 86400.0


@pytest.mark.parametrize("task", [None, 2])
def test_a_job_touches_a_file_while_it_works_and_nothing_of_it_outlives_it(
    tmp_path: Path, task: int | None
) -> None:
    job = Job(tmp_path, task=task)
    for _ in range(2):
        wait_until(lambda: age(job.alive) < 600, "a sign of life")
        os.utime(job.alive, (0, 0))
        job.let_time_pass()
    assert job.give_way() == (0, b"")
    # sooner than the half minute after which the loop would see it by itself
    wait_until(lambda: not job.processes(), "every process of the job has ended", timeout_s=20)


def test_what_gives_signs_of_life_is_no_child_of_the_script_and_holds_nothing_of_it(job: Job) -> None:
    (sleep,) = job.sleeps()
    loop = parent(sleep)
    assert parent(loop) != job.process.pid
    for pid in (loop, sleep):
        held = {f.name: str(f.readlink()) for f in Path(f"/proc/{pid}/fd").iterdir()}
        assert {held["0"], held["1"], held["2"]} == {os.devnull}
        assert not [name for name in held.values() if name.startswith("pipe:")]


def test_a_killed_script_gives_no_more_signs_of_life(job: Job) -> None:
    os.kill(job.process.pid, signal.SIGKILL)
    job.process.wait()
    os.utime(job.alive, (0, 0))
    job.let_time_pass()
    wait_until(lambda: not job.sleeps(), "the loop has ended")
    assert job.alive.stat().st_mtime == 0


def test_a_file_system_that_is_away_for_a_while_does_no_harm(job: Job) -> None:
    shutil.rmtree(job.claim)
    before = job.sleeps()
    job.let_time_pass()
    wait_until(lambda: job.sleeps() not in ([], before), "the loop goes on")
    assert not job.claim.exists()
    job.claim.mkdir()
    job.let_time_pass()
    wait_until(job.alive.exists, "a sign of life")
    assert job.give_way() == (0, b"")


def test_a_job_ends_itself_when_somebody_asked_for_its_end_and_slurm_does_not_know_it(job: Job) -> None:
    (job.folder / f"cancelled.{KEY}").touch()
    job.let_time_pass()
    wait_until((job.folder / "told").exists, "its program has heard of it")
    assert job.give_way() == (128 + signal.SIGTERM, b"")
    (record,) = parse_exit_files((job.folder / f"exit.{KEY}").read_text())
    assert (record.exit_code, record.signal, record.state) == (143, 15, JobState.FAILED)
    wait_until(lambda: not job.sleeps(), "the loop has ended")


def test_a_job_that_was_told_to_end_by_slurm_is_not_told_again(job: Job) -> None:
    job.process.terminate()
    wait_until((job.folder / f"exit.{KEY}").exists, "the job has heard of it")
    wait_until((job.folder / "told").exists, "its program has heard of it")
    (job.folder / f"cancelled.{KEY}").touch()
    before = job.sleeps()
    job.let_time_pass()
    wait_until(lambda: job.sleeps() not in ([], before), "the loop has looked")
    assert job.give_way() == (143, b"")
    assert (job.folder / "told").read_text() == "told\n"


def test_a_prologue_that_waits_for_all_its_children_does_not_wait_for_it(tmp_path: Path) -> None:
    prologue = ("wait", "jobs -p", 'echo "${!-none}"')
    script = JobScript(key=KEY, folder=str(tmp_path), command=("true",), prologue=prologue)
    env = {"PATH": os.environ["PATH"], "SLURM_JOB_ID": "7"}
    done = subprocess.run(["bash", "-c", script.text], env=env, capture_output=True, timeout=20, check=True)
    assert done.stdout + done.stderr == b"none\n"
