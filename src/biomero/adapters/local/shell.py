"""Commands on this machine, behind the port that also fits a login node."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from biomero.application.ports.shell import CommandResult, SessionCounts
from biomero.errors import RemoteTimeoutError


class LocalShell:
    """Runs programs here, in the home folder or in `home` instead of it; see `RemoteShell`."""

    def __init__(self, *, env: Mapping[str, str] | None = None, home: Path | None = None) -> None:
        self._env = {**({} if home is None else {"HOME": str(home)}), **(env or {})}
        self._home = home
        self._commands = 0

    @property
    def counts(self) -> SessionCounts:
        """See `RemoteShell.counts`; no login is ever needed here."""
        return SessionCounts(logins=0, commands=self._commands)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        """See `RemoteShell.run`; a program that is not there ends with status 127, as in a shell."""
        self._commands += 1
        try:
            done = subprocess.run(
                list(argv),
                input=stdin,
                capture_output=True,
                check=False,
                timeout=timeout_s,
                cwd=self._home or Path.home(),
                env={**os.environ, **self._env, **(env or {})},
            )
        except subprocess.TimeoutExpired as exc:
            raise RemoteTimeoutError(f"{argv[0]} did not end within {timeout_s:g} s") from exc
        except FileNotFoundError:
            return CommandResult(exit_status=127, stdout="", stderr=f"{argv[0]}: not found")
        return CommandResult(
            exit_status=done.returncode,
            stdout=done.stdout.decode(errors="surrogateescape"),
            stderr=done.stderr.decode(errors="surrogateescape"),
        )

    def close(self) -> None:
        """See `RemoteShell.close`; there is nothing to end."""
