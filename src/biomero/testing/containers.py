"""A container runtime that prepares nothing: workflows run where they lie, on this machine."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence

from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.workflows import Workflow
from biomero.errors import ContainerImageError


class FakeContainerRuntime:
    """Runs a workflow's command line in its own folder with this Python; see `ContainerRuntime`.

    Parameters
    ----------
    name
        What it claims to be.
    missing
        Names of workflows whose image cannot be had.
    """

    def __init__(self, *, name: str = "process", missing: Sequence[str] = ()) -> None:
        self.name = name
        self.prepared: list[str] = []
        """The names of the workflows that were prepared, in order."""
        self._missing = frozenset(missing)

    def prepare(
        self,
        workflow: Workflow,
        *,
        binds: Sequence[str] = (),
        gpu: bool = False,  # noqa: ARG002 - a process sees every device
        entry_point: bool = True,  # noqa: ARG002 - there is no image
    ) -> PreparedProgram:
        """See `ContainerRuntime.prepare`."""
        name = workflow.descriptor.name
        for folder in binds:
            if not folder.startswith("/"):
                raise ContainerImageError(f"the folder {folder!r} cannot be shown; give an absolute path")
        if name in self._missing or not workflow.folder.is_dir():
            raise ContainerImageError(f"the image of {name} cannot be had; check its name")
        self.prepared.append(name)
        content = hashlib.sha256()
        for path in sorted(p for p in workflow.folder.rglob("*") if p.is_file()):
            content.update(path.relative_to(workflow.folder).as_posix().encode())
            content.update(path.read_bytes())
        script = 'case $2 in python|python3) p=$1; shift 2; exec "$p" "$@";; esac; shift; exec "$@"'
        return PreparedProgram(
            argv=("sh", "-c", script, "sh", sys.executable),
            folder=str(workflow.folder.resolve()),
            runs_entry_point=False,
            identity=f"sha256:{content.hexdigest()}",
        )
