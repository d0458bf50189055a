"""Workflows without a container: their own code, in an environment made for them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from biomero.adapters.containers.scripts import last_lines, script
from biomero.adapters.containers.workflow_files import WorkflowFiles
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.shell import CommandResult, RemoteShell
from biomero.application.ports.transfer import RemoteTransfer
from biomero.application.ports.workflows import Workflow
from biomero.errors import (
    ClusterError,
    ContainerImageError,
    NoSpaceError,
    RemoteCommandError,
    UnparsableOutputError,
)

_FILES_MISSING = 64
_PYTHONS = ("python", "python3")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A workflow and its Python on the cluster."""

    folder: str
    python: str
    python_version: str
    packages: str
    was_made: bool


class ProcessRuntime:
    """Runs a workflow's command line in its folder; see `ContainerRuntime`.

    The folder is sent once for each content. Its environment is made once for each ``requirements.txt``
    (or ``pyproject.toml``) and version of Python.

    Parameters
    ----------
    folder
        Where workflows and environments are kept on the cluster; relative to the home folder if not
        absolute.
    python
        An interpreter on the cluster that has what workflows need; no environment is made then.
    timeout_s
        How long making an environment may take.
    """

    def __init__(
        self,
        shell: RemoteShell,
        transfer: RemoteTransfer,
        folder: str,
        *,
        python: str | None = None,
        timeout_s: float = 1800.0,
    ) -> None:
        if not folder.isprintable():
            raise ContainerImageError(f"the folder of workflows has an unusable name: {folder!r}")
        self._shell = shell
        self._transfer = transfer
        self._folder = folder
        self._python = python
        self._timeout_s = timeout_s
        # Waiting for others ends before the command is given up, so that the message can say so
        self._wait_s = timeout_s * 0.9

    @property
    def name(self) -> str:
        """See `ContainerRuntime.name`."""
        return "process"

    def prepare(
        self,
        workflow: Workflow,
        *,
        binds: Sequence[str] = (),  # noqa: ARG002 - a process sees every folder
        gpu: bool = False,  # noqa: ARG002 - and every device of its job
        entry_point: bool = True,  # noqa: ARG002 - and has no image with an entry point
    ) -> PreparedProgram:
        """See `ContainerRuntime.prepare`; one remote command, and when files must be sent one more."""
        files = WorkflowFiles.of(workflow.folder)
        _check_program(workflow, files)
        place = self._ensure(workflow, files)
        parts = f"{files.digest} {place.python_version} {place.packages}"
        return PreparedProgram(
            argv=("sh", "-c", script("run_program.sh"), "run_program", place.python),
            folder=place.folder,
            env=(("PYTHONNOUSERSITE", "1"),),
            runs_entry_point=False,
            identity=f"sha256:{hashlib.sha256(parts.encode()).hexdigest()}",
            was_made=place.was_made,
        )

    def _ensure(self, workflow: Workflow, files: WorkflowFiles) -> _Place:
        """Have the files and the environment in place."""
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", workflow.descriptor.name).strip("-.") or "workflow"
        folder = f"{name}-{files.short_digest}"
        result = self._look(folder, files, arrived=False)
        was_sent = result.exit_status == _FILES_MISSING
        if was_sent:
            self._transfer.upload(files.files, f"{self._folder}/workflows/{folder}")
            result = self._look(folder, files, arrived=True)
        if not result.ok:
            raise self._error(workflow, files, result)
        try:
            code, python, version, packages, how = result.stdout.splitlines()[-5:]
        except ValueError as exc:
            raise UnparsableOutputError(
                f"what was said about {workflow.descriptor.name} cannot be read: {result.stdout[-500:]!r}"
            ) from exc
        return _Place(
            folder=code,
            python=python,
            python_version=version,
            packages=packages,
            was_made=was_sent or how == "made",
        )

    def _look(self, folder: str, files: WorkflowFiles, *, arrived: bool) -> CommandResult:
        return self._shell.run(
            (
                *("sh", "-c", script("ensure_environment.sh"), "ensure_environment"),
                *(self._folder, folder, "arrived" if arrived else ""),
                *(files.requirements, files.environment_key),
                *(self._python or "", f"{self._wait_s:.0f}"),
            ),
            timeout_s=self._timeout_s,
        )

    def _error(
        self, workflow: Workflow, files: WorkflowFiles, result: CommandResult
    ) -> ContainerImageError | ClusterError:
        """Say why the workflow cannot be made ready, and what to do."""
        said, name = last_lines(result.stderr), workflow.descriptor.name
        match result.exit_status:
            case 64:
                text = (
                    f"the files of {name} were sent but are not in {self._folder}; is it cleaned meanwhile?"
                )
            case 65:
                text = (
                    f"there is no Python {self._python or 'python3'} where the jobs run ({said}); "
                    "name one with --python PATH"
                )
            case 66:
                text = (
                    f"no environment can be made for {name}: {said}; install Python's venv module there "
                    "(Debian: python3-venv) or uv, or name an interpreter with --python PATH"
                )
            case 67:
                text = (
                    f"the packages in {files.requirements} of {name} cannot be installed: {said}; "
                    "correct it, or name an interpreter that has them with --python PATH"
                )
            case 68:
                text = f"{self._folder} cannot be used for workflows: {said}"
            case 69:
                return NoSpaceError(
                    f"no space is left on the cluster for the environment of {name}: make room in "
                    f"{self._folder} and where packages are unpacked, TMPDIR or /tmp ({said})"
                )
            case 75:
                text = f"another run makes the environment of {name} for over {self._wait_s:.0f} s; try later"
            case status:
                return RemoteCommandError(f"preparing {name} ended with status {status}: {said}")
        return ContainerImageError(text)


def _check_program(workflow: Workflow, files: WorkflowFiles) -> None:
    """Refuse a folder without the program: its code is then only in the container."""
    if not files.files:
        raise ContainerImageError(f"there are no files in {workflow.folder}; is it the workflow's folder?")
    words = workflow.descriptor.command_line
    is_script = len(words) > 1 and words[0] in _PYTHONS and words[1].endswith(".py")
    if is_script and words[1].removeprefix("./") not in {file.name for file in files.files}:
        raise ContainerImageError(
            f"{workflow.folder} has no {words[1]}, which the command line of "
            f"{workflow.descriptor.name} runs; use --runtime apptainer, or the workflow's whole repository"
        )
