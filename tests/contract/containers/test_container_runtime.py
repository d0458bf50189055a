"""What every container runtime does."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from biomero.application.ports.containers import ContainerRuntime
from biomero.application.ports.workflows import Workflow
from biomero.errors import ContainerImageError
from services.prepared import run_prepared

_HOSTILE = (
    "a b;$(touch pwned)'\"\n.tif",
    "$(touch pwned)",
    "`touch pwned`",
    "-x",
    "--",
    "",
    "$HOME",
    "a\\b",
    "*",
)


class Case(Protocol):
    runtime: ContainerRuntime
    workflow: Workflow
    impossible: Workflow

    def change(self) -> None: ...


def test_the_program_gets_its_arguments_as_they_are(case: Case, tmp_path: Path) -> None:
    prepared = case.runtime.prepare(case.workflow)
    done = run_prepared(prepared, case.workflow, *_HOSTILE, folder=tmp_path)
    assert done.stdout == "".join(f"<{argument}>\n" for argument in _HOSTILE), done.stderr
    assert not list(tmp_path.rglob("pwned"))


def test_the_program_s_exit_status_is_the_command_s(case: Case) -> None:
    prepared = case.runtime.prepare(case.workflow)
    assert run_prepared(prepared, case.workflow, "--fail", "42").returncode == 42


def test_the_program_writes_into_the_folders_that_it_may_see(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "a b,c:d;$(touch pwned)'\""
    folder.mkdir()
    prepared = case.runtime.prepare(case.workflow, binds=(str(tmp_path), str(folder)))
    done = run_prepared(prepared, case.workflow, "--write", str(folder / "out.txt"))
    assert (folder / "out.txt").read_text() == "written\n", done.stderr


def test_preparing_again_gives_the_same_program(case: Case) -> None:
    assert case.runtime.prepare(case.workflow) == case.runtime.prepare(case.workflow)


def test_the_identity_is_that_of_the_content(case: Case) -> None:
    before = case.runtime.prepare(case.workflow).identity
    case.change()
    after = case.runtime.prepare(case.workflow).identity
    assert before.startswith("sha256:")
    assert before != after


def test_what_cannot_be_had_is_said_by_name(case: Case) -> None:
    with pytest.raises(ContainerImageError, match="impossible"):
        case.runtime.prepare(case.impossible)


def test_it_says_its_name(case: Case) -> None:
    assert case.runtime.name in {"apptainer", "singularity", "process"}
