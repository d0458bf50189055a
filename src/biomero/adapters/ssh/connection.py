"""The connection to one cluster, for callers that wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from biomero.adapters.ssh.aliases import AliasBook
from biomero.adapters.ssh.attempts import LoginAttempts
from biomero.adapters.ssh.channels import Channels, Tally
from biomero.adapters.ssh.event_loop import LoopThread
from biomero.adapters.ssh.program import Program
from biomero.adapters.ssh.token_bucket import TokenBucket
from biomero.application.ports.shell import CommandResult, SessionCounts
from biomero.errors import ConfigurationError

STALL_S = 600.0
"""A transfer in which nothing moved for this long is given up: parallel file systems may hang for minutes."""


class SshConnection:
    """One login to a cluster, shared by its shell and its transfers, from any thread.

    Nothing is opened before it is needed; what is lost is opened again.

    Parameters
    ----------
    alias
        A ``Host`` of OpenSSH's client configuration, or a name or number of a host.
    ssh_config
        Read instead of ``~/.ssh/config`` and ``/etc/ssh/ssh_config``.
    max_channels
        Programs at once at the far end. Servers allow 10 by default and free them a little late.
    connect_timeout_s
        For each host on the way, unless the configuration has ``ConnectTimeout``.
    keepalive_s
        A silent host is asked for a sign of life this often, unless ``ServerAliveInterval`` is set, and
        given up after three.
    max_refused_logins
        After so many, no further one is tried.
    connect_attempts
        How often a host that cannot be reached is tried at once; then callers are sent away for a while.
    retry_pause_s
        The first pause between two of those; the next ones double, up to a minute.
    commands_per_s, command_burst
        How many programs may be started, in the long run and at once; more wait for their turn. ``None`` for
        any number.

    Examples
    --------
    >>> from biomero.adapters.ssh import SshConnection, SshShell, SshTransfer
    >>> connection = SshConnection("mycluster")
    >>> shell, transfer = SshShell(connection), SshTransfer(connection)
    """

    def __init__(
        self,
        alias: str,
        *,
        ssh_config: Path | None = None,
        max_channels: int = 6,
        connect_timeout_s: float = 20.0,
        keepalive_s: float = 15.0,
        max_refused_logins: int = 3,
        connect_attempts: int = 3,
        retry_pause_s: float = 1.0,
        commands_per_s: float | None = None,
        command_burst: int = 1,
    ) -> None:
        if max_channels < 1:
            raise ConfigurationError(f"max_channels must be at least 1, not {max_channels}")
        self.alias = alias
        self._ssh_config = ssh_config
        self._max_channels = max_channels
        self._connect_timeout_s = connect_timeout_s
        self._keepalive_s = keepalive_s
        self._connect_attempts = connect_attempts
        self._attempts = LoginAttempts(most_refused=max_refused_logins, pause_s=retry_pause_s)
        self._tally = Tally()
        self._bucket = TokenBucket(per_s=commands_per_s, burst=command_burst)
        self._lock = threading.Lock()
        self._loop = LoopThread(f"ssh {alias}")
        self._channels: Channels | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def counts(self) -> SessionCounts:
        """Logins made (to the cluster, not to jump hosts) and programs started so far."""
        return SessionCounts(logins=self._tally.logins, commands=self._tally.commands)

    @property
    def refused_channels(self) -> int:
        """How often the server refused a channel, which was then tried again."""
        return self._tally.refused_channels

    @property
    def held_back(self) -> int:
        """How many programs had to wait for their turn, because more were wanted than may be started."""
        return self._bucket.held_back

    def connect(self) -> None:
        """Log in now, if that has not happened; see `run` for the errors."""
        self._loop.run(self._opened().connect())

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        """Run a program to its end; see `RemoteShell.run`.

        Raises
        ------
        ConfigurationError
            If the alias leads nowhere; the message names it and the file.
        HostKeyError, AuthenticationFailedError, ConnectionFailedError, RemoteTimeoutError
            As `RemoteShell.run` says.
        """
        status, stdout, stderr = self._loop.run(
            self._opened().run(argv, stdin=stdin, env=env, timeout_s=timeout_s)
        )
        return CommandResult(
            exit_status=status,
            stdout=stdout.decode(errors="surrogateescape"),
            stderr=stderr.decode(errors="surrogateescape"),
        )

    @contextmanager
    def program(self, argv: Sequence[str], *, stall_s: float = STALL_S) -> Iterator[RemoteProgram]:
        """Start a program whose input and output are streams; leaving the block ends it."""
        channels = self._opened()
        self._loop.run(channels.turn())
        slot = channels.slot(is_transfer=True)
        self._loop.run(slot.__aenter__())
        try:
            program = self._loop.run(channels.start(argv, None))
            try:
                yield RemoteProgram(self._loop, program, stall_s=stall_s)
            finally:
                self._loop.run(_abort(program))
        finally:
            self._loop.run(slot.__aexit__(None, None, None))

    def close(self) -> None:
        """Log out; a further `run` logs in again."""
        with self._lock:
            channels, self._channels = self._channels, None
        if channels is not None:
            self._loop.run(channels.close())
        self._loop.stop()

    def _opened(self) -> Channels:
        with self._lock:
            if self._channels is None:
                self._channels = Channels(
                    AliasBook.of_this_machine(self._ssh_config),
                    self.alias,
                    attempts=self._attempts,
                    tally=self._tally,
                    most_channels=self._max_channels,
                    most_connects=self._connect_attempts,
                    connect_timeout_s=self._connect_timeout_s,
                    keepalive_s=self._keepalive_s,
                    bucket=self._bucket,
                )
            return self._channels


class RemoteProgram:
    """A program at the far end as a pair of streams, for a caller that waits."""

    def __init__(self, loop: LoopThread, program: Program, *, stall_s: float) -> None:
        self._loop = loop
        self._program = program
        self._stall_s = stall_s

    @property
    def stderr(self) -> str:
        """What it complained about so far."""
        return self._program.stderr.decode(errors="surrogateescape")

    def write(self, data: bytes) -> None:
        """Send input; waits while the far end is slow. See `Program.write` for the errors."""
        self._loop.run(self._program.write(data, self._stall_s))

    def write_eof(self) -> None:
        """Say that no more input comes."""
        self._loop.run(_write_eof(self._program))

    def read(self) -> bytes:
        """Return the next output, as much as there is, or nothing at its end."""
        return self._loop.run(self._program.read(self._stall_s))

    def end(self) -> int:
        """Wait for the end of the program and return its exit status; see `Program.end` for the errors."""
        return self._loop.run(self._program.end(self._stall_s))

    def abort(self) -> None:
        """Leave it alone, and end it if the server lets us."""
        self._loop.run(_abort(self._program))


async def _abort(program: Program) -> None:
    program.abort()


async def _write_eof(program: Program) -> None:
    program.write_eof()
    await asyncio.sleep(0)
