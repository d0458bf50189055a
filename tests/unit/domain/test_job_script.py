from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomero.domain.exit_record import ExitRecord, exit_file_prefix, parse_exit_files
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobState
from biomero.domain.job_script import JobScript, quote
from biomero.domain.output_listing import parse_listing
from biomero.domain.retry import PREFLIGHT_EXIT_CODE
from biomero.errors import UnparsableOutputError
from services.processes import wait_until

KEY = JobKey("run-1.segment")
HOSTILE = "a b;$(touch pwned)'\"`touch pwned`\\\n\r\n.tif"


def bash(
    script: JobScript, *, job_id: int = 7, task: int | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", script.text], env=environment(job_id, task), capture_output=True, check=False
    )


def environment(job_id: int, task: int | None = None) -> dict[str, str]:
    slurm = {"SLURM_JOB_ID": str(job_id)}
    if task is not None:
        slurm = {
            "SLURM_JOB_ID": str(job_id + task + 1),
            "SLURM_ARRAY_JOB_ID": str(job_id),
            "SLURM_ARRAY_TASK_ID": str(task),
        }
    return {"PATH": os.environ["PATH"], **slurm}


def exit_record(folder: Path, task: int | None = None) -> ExitRecord:
    prefix = exit_file_prefix(JobRef(key=KEY, job_id=SlurmJobId(7), folder=str(folder)))
    path = Path(prefix if task is None else f"{prefix}.{task}")
    (record,) = parse_exit_files(path.read_text())
    return record


def test_arguments_and_variables_reach_the_program_as_they_are(tmp_path: Path) -> None:
    script = JobScript(
        key=KEY,
        folder=str(tmp_path),
        command=("sh", "-c", 'printf "%s|" "$@" "$VALUE"', "sh", HOSTILE, "-n", "", "$HOME"),
        environment={"VALUE": HOSTILE},
    )
    done = bash(script)
    assert done.stdout.decode() == f"{HOSTILE}|-n||$HOME|{HOSTILE}|"
    assert not (tmp_path / "pwned").exists()
    assert "\r" not in script.text


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=20))
def test_any_text_survives_quoting(words: list[str]) -> None:
    done = subprocess.run(
        ["bash", "-c", "printf '%s\\0' " + " ".join(quote(word) for word in words)],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
    )
    assert done.stdout.decode().split("\0")[:-1] == (words or [""])


def test_the_programs_exit_code_is_the_jobs_and_is_left_in_a_file(tmp_path: Path) -> None:
    done = bash(JobScript(key=KEY, folder=str(tmp_path), command=("sh", "-c", "exit 42")))
    record = exit_record(tmp_path)
    assert done.returncode == 42
    assert (record.exit_code, record.signal, record.state) == (42, 0, JobState.FAILED)
    assert record.usage.node == os.uname().nodename
    assert record.usage.elapsed_s is not None


def test_a_program_that_is_not_there_fails_the_job(tmp_path: Path) -> None:
    done = bash(JobScript(key=KEY, folder=str(tmp_path), command=("no-such-program",)))
    assert done.returncode == 127
    assert exit_record(tmp_path).exit_code == 127


def test_a_failing_prologue_fails_the_job_before_its_program(tmp_path: Path) -> None:
    script = JobScript(
        key=KEY, folder=str(tmp_path), command=("touch", "ran"), prologue=("echo $UNSET_IS_FINE", "false")
    )
    assert bash(script).returncode == 1
    assert not (tmp_path / "ran").exists()
    assert exit_record(tmp_path).exit_code == 1


def test_modules_are_loaded_by_the_clusters_own_function(tmp_path: Path) -> None:
    script = JobScript(key=KEY, folder=str(tmp_path), command=("true",), modules=("apptainer/1.3", "a b"))
    done = subprocess.run(
        ["bash", "-c", 'module() { printf "<%s>" "$@"; }; export -f module; ' + script.text],
        env=environment(7),
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"<load><apptainer/1.3><load><a b>"


def test_what_was_written_is_listed_whatever_its_name(tmp_path: Path) -> None:
    out = tmp_path / "out here"
    out.mkdir()
    write = 'mkdir -p "$1/sub" && printf abc >"$1/sub/$2" && printf x >"$1/plain"'
    command = ("sh", "-c", write, "sh", str(out), "a b\n3 c\udcff.tif")
    script = JobScript(key=KEY, folder=str(tmp_path), command=command, outputs=str(out))
    text = script.text.encode(errors="surrogateescape")
    assert subprocess.run(["bash", "-c", text], env=environment(7), check=False).returncode == 0
    listed = (tmp_path / f"listing.{KEY}").read_bytes().decode(errors="surrogateescape")
    assert parse_listing(listed) == {"plain": 1, "sub/a b\n3 c\udcff.tif": 3}


def test_array_tasks_list_their_own_folders(tmp_path: Path) -> None:
    folders = [tmp_path / "0", tmp_path / "1"]
    script = JobScript(
        key=KEY,
        folder=str(tmp_path),
        array_commands=tuple(("touch", str(f / f"{f.name}.tif")) for f in folders),
        array_outputs=tuple(map(str, folders)),
    )
    for task, folder in enumerate(folders):
        folder.mkdir()
        assert bash(script, task=task).returncode == 0
        assert parse_listing((tmp_path / f"listing.{KEY}.{task}").read_text()) == {f"{task}.tif": 0}


def test_a_program_that_failed_leaves_its_list_all_the_same(tmp_path: Path) -> None:
    script = JobScript(key=KEY, folder=str(tmp_path), command=("false",), outputs=str(tmp_path))
    assert bash(script).returncode == 1
    assert f"exit.{KEY}" not in parse_listing((tmp_path / f"listing.{KEY}").read_text())


def test_a_node_that_cannot_enter_the_folder_is_unfit(tmp_path: Path) -> None:
    done = bash(JobScript(key=KEY, folder=str(tmp_path / "elsewhere"), command=("true",)))
    assert done.returncode == PREFLIGHT_EXIT_CODE
    assert b"cannot enter" in done.stderr


def test_a_node_that_cannot_write_in_the_folder_is_unfit(tmp_path: Path) -> None:
    script = JobScript(key=KEY, folder="/proc", command=("touch", str(tmp_path / "ran")))
    done = bash(script)
    assert done.returncode == PREFLIGHT_EXIT_CODE
    assert b"cannot write" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_each_array_task_runs_its_own_command(tmp_path: Path) -> None:
    script = JobScript(key=KEY, folder=str(tmp_path), array_commands=(("true",), ("sh", "-c", "exit 5")))
    assert script.array_size == 2
    assert [bash(script, task=i).returncode for i in (0, 1)] == [0, 5]
    assert (exit_record(tmp_path, 0).index, exit_record(tmp_path, 0).state) == (0, JobState.COMPLETED)
    assert (exit_record(tmp_path, 1).index, exit_record(tmp_path, 1).exit_code) == (1, 5)


def test_a_job_submitted_twice_does_its_work_once(tmp_path: Path) -> None:
    script = JobScript(key=KEY, folder=str(tmp_path), command=("sh", "-c", "echo ran >>runs; exit 3"))
    assert bash(script, job_id=7).returncode == 3
    before = exit_record(tmp_path)
    second = bash(script, job_id=8)
    assert second.returncode == 0
    assert b"job 7 does this work already" in second.stderr
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert exit_record(tmp_path) == before


def test_a_job_that_slurm_starts_again_goes_on(tmp_path: Path) -> None:
    script = JobScript(key=KEY, folder=str(tmp_path), command=("sh", "-c", "echo ran >>runs"))
    assert [bash(script, job_id=7).returncode for _ in range(2)] == [0, 0]
    assert (tmp_path / "runs").read_text() == "ran\nran\n"


def test_many_jobs_at_once_leave_the_work_to_one(tmp_path: Path) -> None:
    script = JobScript(key=KEY, folder=str(tmp_path), command=("sh", "-c", "echo ran >>runs"))
    jobs = [subprocess.Popen(["bash", "-c", script.text], env=environment(i)) for i in range(1, 13)]
    assert [job.wait() for job in jobs] == [0] * 12
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_a_job_that_is_told_to_end_tells_its_program_and_leaves_a_record(tmp_path: Path) -> None:
    program = 'trap "echo told >told; exit 9" TERM; touch ready; while :; do sleep 0.05; done'
    script = JobScript(key=KEY, folder=str(tmp_path), command=("bash", "-c", program))
    with subprocess.Popen(["bash", "-c", script.text], env=environment(7)) as job:
        wait_until((tmp_path / "ready").exists, "the program runs")
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=20) == 9
    record = exit_record(tmp_path)
    assert (record.exit_code, record.signal, record.state) == (9, 15, JobState.FAILED)
    assert (tmp_path / "told").exists()


def test_what_a_job_makes_is_its_owners_alone(tmp_path: Path) -> None:
    bash(JobScript(key=KEY, folder=str(tmp_path), command=("touch", "made")))
    assert (tmp_path / "made").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("program", "check", "code"), [("true", "exit 2", 2), ("exit 7", "touch checked", 7)]
)
def test_a_job_ends_well_only_if_its_check_does(tmp_path: Path, program: str, check: str, code: int) -> None:
    script = JobScript(
        key=KEY, folder=str(tmp_path), command=("sh", "-c", program), check=("sh", "-c", check, HOSTILE)
    )
    assert bash(script).returncode == code
    assert exit_record(tmp_path).exit_code == code
    assert not (tmp_path / "checked").exists()
    assert not (tmp_path / "pwned").exists()


def test_every_array_task_has_its_own_check(tmp_path: Path) -> None:
    script = JobScript(
        key=KEY,
        folder=str(tmp_path),
        array_commands=(("true",), ("true",)),
        array_checks=(("true",), ("false",)),
    )
    assert [bash(script, task=task).returncode for task in (0, 1)] == [0, 1]


def test_lines_for_sbatch_stand_first_and_hold_nothing_else() -> None:
    line = "#SBATCH --mem=3G"
    script = JobScript(key=KEY, folder="/x", command=("true",), directives=(line,))
    assert script.text.splitlines()[:2] == ["#!/bin/bash", line]
    for wrong in ("touch pwned", "#SBATCH --mem=3G\ntouch pwned", "#SBATCH\r"):
        with pytest.raises(ValueError, match="not a line for sbatch"):
            JobScript(key=KEY, folder="/x", command=("true",), directives=(wrong,))
    with pytest.raises(ValueError, match="a check for each"):
        JobScript(key=KEY, folder="/x", array_commands=(("true",),) * 2, array_checks=(("true",),))


def test_a_script_that_cannot_work_is_not_made() -> None:
    one = ("true",)
    with pytest.raises(ValueError, match="absolute folder"):
        JobScript(key=KEY, folder="relative", command=one)
    with pytest.raises(ValueError, match="either one command"):
        JobScript(key=KEY, folder="/x")
    with pytest.raises(ValueError, match="either one command"):
        JobScript(key=KEY, folder="/x", command=one, array_commands=(one,))
    with pytest.raises(ValueError, match="one for each"):
        JobScript(key=KEY, folder="/x", array_commands=(one, ()))
    with pytest.raises(ValueError, match="environment variable"):
        JobScript(key=KEY, folder="/x", command=one, environment={"A=B": "c"})
    with pytest.raises(ValueError, match="zero byte"):
        JobScript(key=KEY, folder="/x", command=("true", "a\0b"))


def test_a_foreign_exit_file_is_not_understood() -> None:
    with pytest.raises(UnparsableOutputError, match="exit_code=zero"):
        parse_exit_files("key=a job_id=1 task= exit_code=zero\n")


def test_shellcheck_has_nothing_to_say(tmp_path: Path) -> None:
    script = JobScript(
        key=KEY,
        folder=str(tmp_path),
        array_commands=(("true", HOSTILE), ("false",)),
        environment={"A": HOSTILE},
        modules=("a",),
        prologue=("true",),
    )
    (tmp_path / "job.sh").write_text(script.text)
    tools = [t for t in (["bash", "-n"], ["shellcheck"]) if shutil.which(t[0])]
    for tool in tools:
        done = subprocess.run([*tool, "job.sh"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
