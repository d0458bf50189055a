"""Commands on a login node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from biomero.adapters.ssh.connection import SshConnection
from biomero.application.ports.shell import CommandResult, SessionCounts


class SshShell:
    """Runs programs over the connection; see `RemoteShell`.

    Variables in `env` stand in the command line at the far end for a moment, where other accounts of
    the login node may see them: hand secrets over by `stdin`.
    """

    def __init__(self, connection: SshConnection) -> None:
        self._connection = connection

    @property
    def counts(self) -> SessionCounts:
        """See `RemoteShell.counts`; transfers on the same connection count too."""
        return self._connection.counts

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        """See `RemoteShell.run`; a program that is not there ends with status 127."""
        return self._connection.run(argv, stdin=stdin, env=env, timeout_s=timeout_s)

    def close(self) -> None:
        """See `RemoteShell.close`; the connection's transfers end with it."""
        self._connection.close()
