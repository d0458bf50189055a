from __future__ import annotations

import subprocess
from pathlib import Path

from biomero.application.compose_command import compose_command
from biomero.application.ports.containers import PreparedProgram


def test_an_entry_point_gets_only_arguments() -> None:
    prepared = PreparedProgram(argv=("apptainer", "run", "a.sif"))
    words = compose_command(prepared, program=("python", "a.py"), arguments=("--x", "1"))
    assert words == ("apptainer", "run", "a.sif", "--x", "1")


def test_a_program_comes_before_its_arguments() -> None:
    prepared = PreparedProgram(argv=("apptainer", "exec", "a.sif"), runs_entry_point=False)
    words = compose_command(prepared, program=("python", "a.py"), arguments=("--x", "1"))
    assert words == ("apptainer", "exec", "a.sif", "python", "a.py", "--x", "1")


def test_a_program_runs_in_its_folder_whatever_names_hold(tmp_path: Path) -> None:
    folder = tmp_path / "a b;$(touch pwned)'\"\n"
    folder.mkdir()
    prepared = PreparedProgram(argv=(), folder=str(folder), runs_entry_point=False)
    words = compose_command(
        prepared, program=("sh", "-c", 'pwd; printf "%s" "$1"', "sh"), arguments=("$(id)",)
    )
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == f"{folder}\n$(id)"
    assert not list(tmp_path.rglob("pwned"))
