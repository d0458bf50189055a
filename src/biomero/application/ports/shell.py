"""Running commands where the data is: on a login node, or here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a command ended. A non-zero exit status is a result; the caller knows what it means."""

    exit_status: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """The command ended with status 0."""
        return self.exit_status == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCounts:
    """How often a shell logged in and ran something, for those who pay for it: the cluster."""

    logins: int
    commands: int


class RemoteShell(Protocol):
    """Runs programs on one machine, all over one login."""

    @property
    def counts(self) -> SessionCounts:
        """Logins made and commands run so far."""
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        """Run a program and wait for it.

        `argv` reaches the program unchanged, whatever bytes it holds: quoting is the adapter's.
        Output that is not UTF-8 is decoded with ``surrogateescape``. The working folder is the home
        folder of the account.

        Raises
        ------
        RemoteTimeoutError
            If the command did not end in `timeout_s`. It may still be running.
        ConnectionFailedError
            If there is no connection, or it was lost before the command ended.
        HostKeyError, AuthenticationFailedError
            If logging in failed for good; nothing was run.
        """
        ...

    def close(self) -> None:
        """End the session; a further `run` opens a new one."""
        ...
