"""Making a workflow's program runnable where the jobs run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from biomero.application.ports.workflows import Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedProgram:
    """A program that is ready on the machine that runs the jobs.

    Parameters
    ----------
    argv
        The words that start it; the workflow's own arguments follow.
    folder
        The working folder; ``None`` for the job's own.
    env
        Environment variables to set.
    runs_entry_point
        The image's own entry point is started, so that only arguments follow; otherwise the whole
        command line does, program included.
    identity
        What was prepared, exactly: the image's digest or the hash of folder and environment.
    was_made
        Something had to be pulled or made for it.
    """

    argv: tuple[str, ...]
    folder: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    runs_entry_point: bool = True
    identity: str = ""
    was_made: bool = field(default=False, compare=False)


class ContainerRuntime(Protocol):
    """Prepares workflows for running: pulls images, makes environments."""

    @property
    def name(self) -> str:
        """``apptainer``, ``singularity`` or ``process``."""
        ...

    def prepare(
        self, workflow: Workflow, *, binds: Sequence[str] = (), gpu: bool = False, entry_point: bool = True
    ) -> PreparedProgram:
        """Make a workflow runnable, and say how it is started.

        What is there already is used; what is made is made under a temporary name and renamed.

        Parameters
        ----------
        binds
            Absolute remote folders that the program sees under the same path, with write permission.
        gpu
            The program may use the GPUs that its job was given.
        entry_point
            Start the image's own entry point, where there is an image; otherwise the descriptor's command
            line names the program. `PreparedProgram.runs_entry_point` says what came of it.

        Raises
        ------
        ContainerImageError
            If the image or environment cannot be had; the message says why and what to do.
        ClusterError
            As `RemoteShell.run` and `RemoteTransfer.upload` raise.
        """
        ...
