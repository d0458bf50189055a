"""Documented calls around the connection: commands that a script's author wrote, and single files."""

from __future__ import annotations

import logging
import posixpath
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from biomero.errors import RemoteCommandError
from biomero.slurm_client.result import Result, TransferResult
from biomero.slurm_client.state import ClientState

logger = logging.getLogger("biomero.slurm_client")

LONGEST_COMMAND_S = 24 * 3600.0
"""How long a script's own command may take where the script does not say."""


class ConnectionCalls(ClientState):
    """Runs commands on the login node and moves files, over the client's one login."""

    @property
    def is_connected(self) -> bool:
        """The client has logged in."""
        return self._opened_cluster is not None and self._opened_cluster.shell.counts.logins > 0

    def open(self) -> None:
        """Log in now, rather than at the first call that needs it.

        Raises
        ------
        ClusterError
            If that fails.
        """
        self._cluster.shell.run(("true",))

    def close(self) -> None:
        """Log out; a further call logs in again."""
        if self._opened_cluster is not None:
            self._opened_cluster.shell.close()

    def run(
        self,
        command: str,
        *,
        warn: bool = False,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **ignored: object,
    ) -> Result:
        """Run shell text that a script's author wrote, with bash, in the home folder.

        Never put a user's value into the text: give it as a variable in `env`.

        Parameters
        ----------
        warn
            Return a result also where the command fails.
        ignored
            Other options that Fabric had, such as ``hide``, mean nothing here.

        Raises
        ------
        RemoteCommandError
            If the command ends with another status than 0, unless `warn`.
        """
        if ignored:
            logger.debug("ignored options of run: %s", ", ".join(sorted(ignored)))
        ended = self._cluster.shell.run(
            ("bash", "-c", command), env=env, timeout_s=timeout or LONGEST_COMMAND_S
        )
        if not ended.ok and not warn:
            raise RemoteCommandError(
                f"{command!r} ended with status {ended.exit_status} on {self.host}: {ended.stderr.strip()}"
            )
        return Result.of(ended, command=command, env=env)

    def run_commands(
        self,
        cmdlist: Sequence[str],
        env: Mapping[str, str] | None = None,
        sep: str = " && ",
        log_stdout: bool = True,
        *,
        warn: bool = False,
        timeout: float | None = None,
    ) -> Result:
        """Run commands after each other in one shell; see `run`."""
        result = self.run(sep.join(cmdlist), env=env, warn=warn, timeout=timeout)
        if log_stdout:
            logger.info("%s", result.stdout)
        return result

    def run_commands_split_out(
        self, cmdlist: Sequence[str], env: Mapping[str, str] | None = None
    ) -> list[str]:
        """Run commands in one shell and return what each printed; see `run`."""
        mark = f"--split-{secrets.token_hex(8)}--"
        return self.run(f"; echo {mark} ;".join(cmdlist), env=env).stdout.split(f"{mark}\n")

    def put(self, local: str | Path | IO[bytes], remote: str | None = None) -> TransferResult:
        """Send one file; it arrives checked and whole, or not at all.

        Parameters
        ----------
        local
            A file, or something open to be read.
        remote
            A name for it, or a folder that is there; the home folder if it is not given.

        Raises
        ------
        TransferError, ConnectionFailedError
            If it did not arrive.
        """
        if isinstance(local, (str, Path)):
            path = Path(local)
            target = self._remote_place(remote, path.name)
            self._cluster.transfer.upload_file(path, target)
            return TransferResult(local=str(path), remote=target)
        with tempfile.NamedTemporaryFile(prefix="biomero-") as file:
            file.write(local.read())
            file.flush()
            target = self._remote_place(remote, Path(getattr(local, "name", "file")).name)
            self._cluster.transfer.upload_file(Path(file.name), target)
        return TransferResult(local=str(getattr(local, "name", "")), remote=target)

    def get(self, remote: str, local: str | Path | None = None) -> TransferResult:
        """Fetch one file; it arrives checked and whole, or not at all.

        Parameters
        ----------
        local
            A name for it, or a folder that is there; the working folder if it is not given.

        Raises
        ------
        TransferError, ConnectionFailedError
            If it did not arrive.
        """
        name = posixpath.basename(remote)
        path = Path(local) if local is not None else Path.cwd() / name
        if path.is_dir():
            path /= name
        self._cluster.transfer.download_file(remote, path)
        return TransferResult(local=str(path), remote=remote)

    def _remote_place(self, remote: str | None, name: str) -> str:
        if not remote:
            return name
        is_folder = remote.endswith("/") or self._cluster.shell.run(("test", "-d", remote)).ok
        return posixpath.join(remote, name) if is_folder else remote
