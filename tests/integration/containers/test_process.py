"""Environments made for real, with pip and with uv."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from biomero.adapters.containers.process import ProcessRuntime
from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.errors import ContainerImageError, NoSpaceError
from services.disk import small_disk
from services.prepared import run_prepared, wait_until
from services.tiny_workflow import tiny_workflow

_SYSTEM = {"PATH": "/usr/bin:/bin"}
"""Finds the machine's Python, and no uv."""


def _runtime(folder: Path, *, shell: LocalShell | None = None, python: str | None = None) -> ProcessRuntime:
    return ProcessRuntime(
        shell or LocalShell(env=_SYSTEM), LocalTransfer(), str(folder / "remote"), python=python
    )


def _package(folder: Path, name: str) -> str:
    """Write a small project and return the requirement that installs it, without any index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text("ANSWER = 42\n")
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1.0"\n'
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[tool.setuptools]\npy-modules = ["{name}"]\n'
    )
    return f"{name} @ {folder.as_uri()}\n"


@pytest.mark.slow
def test_requirements_are_there_and_the_environment_is_shared(tmp_path: Path) -> None:
    shell = LocalShell(env=_SYSTEM)
    runtime = _runtime(tmp_path, shell=shell)
    workflow = tiny_workflow(tmp_path / "workflow", requirements="packaging>=24\n")
    (workflow.folder / "tiny.py").write_text("import packaging, sys; print(packaging.__file__, sys.argv[1:])")
    first = runtime.prepare(workflow)
    # One look, the files, and one look that makes what is missing
    assert shell.counts.commands == 2
    done = run_prepared(first, workflow, "$(x)")
    assert f"{tmp_path}/remote/environments" in done.stdout, done.stderr
    assert done.stdout.endswith("['$(x)']\n")
    assert runtime.prepare(workflow) == first
    assert shell.counts.commands == 3
    (workflow.folder / "more.py").write_text("")
    second = runtime.prepare(workflow)
    assert (second.folder, second.identity) != (first.folder, first.identity)
    assert len([p for p in (tmp_path / "remote/environments").iterdir() if p.is_dir()]) == 1


@pytest.mark.slow
def test_uv_makes_the_environment_where_there_is_one(tmp_path: Path) -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    shell = LocalShell(env={"PATH": f"{Path(uv).parent}:{os.environ['PATH']}"})
    workflow = tiny_workflow(tmp_path / "workflow", requirements="packaging>=24\n")
    (workflow.folder / "tiny.py").write_text("import packaging; print('there')")
    prepared = _runtime(tmp_path, shell=shell).prepare(workflow)
    assert run_prepared(prepared, workflow).stdout == "there\n"
    [settings] = (tmp_path / "remote/environments").glob("*/pyvenv.cfg")
    assert "uv = " in settings.read_text()


def test_the_program_runs_in_its_folder_with_the_interpreter_given(tmp_path: Path) -> None:
    workflow = tiny_workflow(tmp_path / "workflow", requirements="not-installed-at-all\n")
    prepared = _runtime(tmp_path, python=sys.executable).prepare(workflow)
    done = run_prepared(prepared, workflow, "--x", "1", env={"PYTHONPATH": "/nowhere", "FROM_JOB": "yes"})
    told = json.loads(done.stdout)
    assert told["folder"] == prepared.folder
    assert told["arguments"] == ["--x", "1"]
    assert told["FROM_JOB"] == "yes"
    assert not list((tmp_path / "remote/environments").iterdir())


def test_a_workflow_s_name_is_no_path_and_no_command(tmp_path: Path) -> None:
    workflow = tiny_workflow(tmp_path / "workflow", name="../../a b;$(touch pwned)'\"\n/x")
    prepared = _runtime(tmp_path).prepare(workflow)
    assert prepared.folder is not None
    assert Path(prepared.folder).parent == tmp_path / "remote/workflows"
    assert run_prepared(prepared, workflow, "x", folder=tmp_path).returncode == 0
    assert not list(tmp_path.rglob("*pwned'*"))


def test_a_project_is_installed_into_its_own_environment(tmp_path: Path) -> None:
    workflow = tiny_workflow(
        tmp_path / "workflow", program=("python", "-c", "import mine; print(mine.ANSWER)")
    )
    _package(workflow.folder, "mine")
    prepared = _runtime(tmp_path).prepare(workflow)
    assert run_prepared(prepared, workflow).stdout == "42\n"


def test_packages_that_cannot_be_installed_are_said(tmp_path: Path) -> None:
    workflow = tiny_workflow(tmp_path / "workflow", requirements="./missing-folder\n")
    with pytest.raises(
        ContainerImageError, match=r"requirements\.txt of tiny cannot be installed: .*missing-folder"
    ):
        _runtime(tmp_path).prepare(workflow)
    assert not list((tmp_path / "remote/environments").glob("*/.complete"))


def test_a_missing_interpreter_is_said(tmp_path: Path) -> None:
    workflow = tiny_workflow(tmp_path / "workflow")
    with pytest.raises(ContainerImageError, match=r"no Python /nowhere/python .*--python PATH"):
        _runtime(tmp_path, python="/nowhere/python").prepare(workflow)


def test_a_python_that_cannot_make_environments_is_said(tmp_path: Path) -> None:
    # As Debian's without python3-venv: there, but its module for environments fails
    programs = tmp_path / "bin"
    programs.mkdir()
    python = programs / "python3"
    python.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '*sys.executable*) echo "$0" ;;\n'
        '"-m venv"*) echo "ensurepip is not available" >&2; exit 1 ;;\n'
        '*) exec /usr/bin/python3 "$@" ;;\n'
        "esac\n"
    )
    python.chmod(0o755)
    shell = LocalShell(env={"PATH": f"{programs}:/usr/bin:/bin"})
    workflow = tiny_workflow(tmp_path / "workflow", requirements="packaging\n")
    with pytest.raises(ContainerImageError, match=r"ensurepip is not available.*python3-venv"):
        _runtime(tmp_path, shell=shell).prepare(workflow)


def test_code_that_is_only_in_a_container_is_not_looked_for(tmp_path: Path) -> None:
    shell = LocalShell()
    workflow = tiny_workflow(tmp_path / "workflow", program=("python", "wrapper.py"))
    with pytest.raises(ContainerImageError, match=r"has no wrapper\.py.*--runtime apptainer"):
        _runtime(tmp_path, shell=shell).prepare(workflow)
    assert shell.counts.commands == 0


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "remote").write_text("a file")
    with pytest.raises(ContainerImageError, match="remote cannot be used for workflows"):
        _runtime(tmp_path).prepare(tiny_workflow(tmp_path / "workflow"))


@pytest.mark.slow
def test_environments_made_at_once_are_one(tmp_path: Path) -> None:
    workflow = tiny_workflow(tmp_path / "workflow", requirements=_package(tmp_path / "package", "mine"))
    (workflow.folder / "tiny.py").write_text("import mine; print(mine.ANSWER)")
    with ThreadPoolExecutor(3) as pool:
        prepared = list(pool.map(lambda _: _runtime(tmp_path).prepare(workflow), range(3)))
    assert len(set(prepared)) == 1
    assert run_prepared(prepared[0], workflow).stdout == "42\n"


_PREPARE = """
import sys
from pathlib import Path
from services.tiny_workflow import tiny_workflow
from biomero.adapters.containers.process import ProcessRuntime
from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
folder, requirements = Path(sys.argv[1]), sys.argv[2]
workflow = tiny_workflow(folder / "workflow", requirements=requirements)
ProcessRuntime(LocalShell(), LocalTransfer(), str(folder / "remote")).prepare(workflow)
"""


@pytest.mark.slow
def test_an_environment_that_was_killed_half_made_is_made_anew(tmp_path: Path) -> None:
    requirements = _package(tmp_path / "package", "mine")
    started = subprocess.Popen(
        [sys.executable, "-c", _PREPARE, tmp_path, requirements],
        env={**os.environ, **_SYSTEM, "PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
    )
    environments = tmp_path / "remote/environments"
    wait_until(lambda: list(environments.glob("*/bin/pip")))
    os.killpg(started.pid, signal.SIGKILL)
    started.wait(timeout=30)
    assert not list(environments.glob("*/.complete"))
    workflow = tiny_workflow(tmp_path / "workflow", requirements=requirements)
    prepared = _runtime(tmp_path).prepare(workflow)
    (workflow.folder / "tiny.py").write_text("import mine; print(mine.ANSWER)")
    prepared = _runtime(tmp_path).prepare(workflow)
    assert run_prepared(prepared, workflow).stdout == "42\n"


@pytest.mark.slow
@pytest.mark.parametrize("with_uv", [True, False])
def test_a_full_disk_is_not_taken_for_a_missing_program(tmp_path: Path, *, with_uv: bool) -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    path = f"{Path(uv).parent}:/usr/bin:/bin" if with_uv else _SYSTEM["PATH"]
    workflow = tiny_workflow(tmp_path / "workflow", requirements="numpy>=2\n")
    with small_disk(tmp_path / "disk", 30) as disk:
        shell = LocalShell(env={"PATH": path, "TMPDIR": str(disk), "UV_LINK_MODE": "copy"})
        with pytest.raises(NoSpaceError, match="no space is left on the cluster for the environment of tiny"):
            ProcessRuntime(shell, LocalTransfer(), str(disk / "remote")).prepare(workflow)
        assert [p.name for p in (disk / "remote/environments").iterdir() if p.is_dir()] == []
