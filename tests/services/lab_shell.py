"""A shell on the lab's login node without SSH."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from biomero.application.ports.shell import CommandResult, SessionCounts
from biomero.errors import RemoteTimeoutError
from services.slurm_lab import SlurmLab


class LabShell:
    """Runs programs as the cluster's user; see `RemoteShell`."""

    def __init__(self, lab: SlurmLab) -> None:
        self._lab = lab
        self._commands = 0

    @property
    def counts(self) -> SessionCounts:
        """See `RemoteShell.counts`."""
        return SessionCounts(logins=0, commands=self._commands)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        """See `RemoteShell.run`."""
        self._commands += 1
        settings = [f"{name}={value}" for name, value in (env or {}).items()]
        try:
            done = self._lab.run_as_user(
                ["env", *settings, *argv] if settings else argv, stdin=stdin, timeout_s=timeout_s
            )
        except subprocess.TimeoutExpired as exc:
            raise RemoteTimeoutError(f"{argv[0]} did not end within {timeout_s:g} s") from exc
        return CommandResult(
            exit_status=done.returncode,
            stdout=done.stdout.decode(errors="surrogateescape"),
            stderr=done.stderr.decode(errors="surrogateescape"),
        )

    def close(self) -> None:
        """See `RemoteShell.close`."""
