from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from biomero.adapters.containers.apptainer import ApptainerRuntime
from biomero.adapters.containers.process import ProcessRuntime
from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.ports.containers import ContainerRuntime
from biomero.application.ports.workflows import Workflow
from biomero.testing.containers import FakeContainerRuntime
from services.container_fixtures import apptainer, tiny_root
from services.sif import pack
from services.tiny_workflow import tiny_workflow

__all__ = ["apptainer", "tiny_root"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A runtime, a workflow that it can prepare, and one that it cannot."""

    runtime: ContainerRuntime
    workflow: Workflow
    impossible: Workflow
    change: Callable[[], None]
    """Makes the workflow another one, of the same name."""


@pytest.fixture(params=["fake", "process", pytest.param("apptainer", marks=pytest.mark.apptainer)])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    return {"fake": _fake, "process": _process, "apptainer": _apptainer}[request.param](request, tmp_path)


def _fake(_: pytest.FixtureRequest, folder: Path) -> Case:
    workflow = tiny_workflow(folder / "workflow", program=("sh", "tiny.sh"))
    return Case(
        runtime=FakeContainerRuntime(missing=("impossible",)),
        workflow=workflow,
        impossible=tiny_workflow(folder / "impossible", name="impossible"),
        change=lambda: _add_line(workflow),
    )


def _process(_: pytest.FixtureRequest, folder: Path) -> Case:
    workflow = tiny_workflow(folder / "workflow", program=("sh", "tiny.sh"))
    return Case(
        runtime=ProcessRuntime(LocalShell(), LocalTransfer(), str(folder / "remote")),
        workflow=workflow,
        impossible=tiny_workflow(folder / "impossible", program=("python", "missing.py")),
        change=lambda: _add_line(workflow),
    )


def _apptainer(request: pytest.FixtureRequest, folder: Path) -> Case:
    program: Path = request.getfixturevalue("apptainer")
    images = folder / "images"
    images.mkdir()
    image = images / "tiny_1.0.sif"
    root = folder / "root"
    shutil.copytree(request.getfixturevalue("tiny_root"), root, symlinks=True)
    pack(program, root, image, start=("/bin/tiny",))

    def change() -> None:
        (root / "work/more").write_text("more")
        pack(program, root, image, start=("/bin/tiny",))

    return Case(
        runtime=ApptainerRuntime(LocalShell(), str(images), executable=str(program)),
        workflow=tiny_workflow(folder / "workflow", image="localhost:1/lab/tiny:1.0"),
        # Nobody listens on port 1
        impossible=tiny_workflow(folder / "impossible", image="localhost:1/lab/impossible:1.0"),
        change=change,
    )


def _add_line(workflow: Workflow) -> None:
    with (workflow.folder / "tiny.sh").open("a") as program:
        program.write("exit 0\n")
