"""One login per cluster, and a bounded number of channels on it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncssh

from biomero.adapters.ssh.aliases import AliasBook
from biomero.adapters.ssh.attempts import LoginAttempts
from biomero.adapters.ssh.login import Login, LoginRefusedError, log_in
from biomero.adapters.ssh.program import Program, ProgramEndedError
from biomero.adapters.ssh.quoting import command_line
from biomero.adapters.ssh.ssh_errors import ssh_errors
from biomero.adapters.ssh.token_bucket import TokenBucket
from biomero.errors import ConnectionFailedError, RemoteTimeoutError

logger = logging.getLogger(__name__)

REFUSED_CHANNEL_PAUSE_S = 0.05
REFUSED_CHANNEL_LONGEST_PAUSE_S = 1.0
REFUSED_CHANNEL_PATIENCE_S = 60.0
_NO_LIMIT_S = float(2**31)  # the command as a whole has one


@dataclass(slots=True)
class Tally:
    """What was asked of the cluster so far."""

    logins: int = 0
    commands: int = 0
    refused_channels: int = 0


class Channels:
    """Opens channels on one connection, which is made when first needed and again when it is lost.

    All of it happens in one event loop. Transfers take a channel for long; one is always left for commands.
    """

    def __init__(
        self,
        book: AliasBook,
        alias: str,
        *,
        attempts: LoginAttempts,
        tally: Tally,
        most_channels: int,
        most_connects: int,
        connect_timeout_s: float,
        keepalive_s: float,
        bucket: TokenBucket,
    ) -> None:
        self._book = book
        self._alias = alias
        self._attempts = attempts
        self._tally = tally
        self._most_connects = most_connects
        self._connect_timeout_s = connect_timeout_s
        self._keepalive_s = keepalive_s
        self._bucket = bucket
        self._channels = asyncio.Semaphore(most_channels)
        self._transfers = asyncio.Semaphore(max(1, most_channels - 1))
        self._log_in_lock = asyncio.Lock()
        self._login: Login | None = None
        self._marker = f"biomero-{secrets.token_hex(8)}:"

    async def connect(self) -> Login:
        """Return the open connection; log in if there is none.

        Raises
        ------
        ConfigurationError, HostKeyError, AuthenticationFailedError, ConnectionFailedError
            See `LoginAttempts` for how often that is tried.
        """
        async with self._log_in_lock:
            if self._login is not None and not self._login.is_lost:
                return self._login
            if self._login is not None:
                await self._login.close()
                self._login = None
            self._login = await self._log_in()
            return self._login

    async def close(self) -> None:
        """End the connection."""
        login, self._login = self._login, None
        if login is not None:
            await login.close()

    async def turn(self) -> None:
        """Wait until the login node may be sent another command; nothing is held meanwhile."""
        await self._bucket.turn()

    @asynccontextmanager
    async def slot(self, *, is_transfer: bool) -> AsyncIterator[None]:
        """Wait for one of the channels that may be open at once."""
        if not is_transfer:
            async with self._channels:
                yield
            return
        async with self._transfers, self._channels:
            yield

    async def start(self, argv: Sequence[str], env: Mapping[str, str] | None) -> Program:
        """Start a program on a channel of its own; the caller holds a slot.

        Raises
        ------
        ConnectionFailedError
            If the channel is refused again and again, or the connection is lost.
        """
        loop = asyncio.get_running_loop()
        command: Any = command_line(argv, env=env, marker=self._marker)
        give_up = loop.time() + REFUSED_CHANNEL_PATIENCE_S
        pause = REFUSED_CHANNEL_PAUSE_S
        has_reconnected = False
        while True:
            login = await self.connect()
            host = login.target.address
            try:
                with ssh_errors(login.target):
                    _, program = await login.connection.create_session(
                        lambda host=host: Program(host, self._marker.encode()),  # type: ignore[misc]  # mypy cannot type a lambda's default
                        command,
                        encoding=None,
                    )
            except ConnectionFailedError as exc:
                cause = exc.__cause__
                refused = (
                    isinstance(cause, asyncssh.ChannelOpenError)
                    and cause.code == asyncssh.OPEN_CONNECT_FAILED
                )
                # that code means that nothing was run, so that trying again is safe
                if not refused or loop.time() > give_up or (login.is_lost and has_reconnected):
                    raise
                if login.is_lost:
                    has_reconnected = True
                    continue
                self._tally.refused_channels += 1
                await asyncio.sleep(pause)
                pause = min(2 * pause, REFUSED_CHANNEL_LONGEST_PAUSE_S)
            else:
                self._tally.commands += 1
                logger.debug("%s: %s (%d arguments)", self._alias, argv[0], len(argv) - 1)
                assert isinstance(program, Program)  # noqa: S101 - for the type checker: we made it above
                return program

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes,
        env: Mapping[str, str] | None,
        timeout_s: float,
    ) -> tuple[int, bytes, bytes]:
        """Run a program to its end; return exit status and both outputs."""
        await self.turn()
        try:
            async with asyncio.timeout(timeout_s) as limit, self.slot(is_transfer=False):
                limit.reschedule(None)  # logging in has time limits of its own
                await self.connect()
                limit.reschedule(asyncio.get_running_loop().time() + timeout_s)
                program = await self.start(argv, env)
                try:
                    _, stdout = await asyncio.gather(_send(program, stdin), _receive(program))
                    status = await program.end(stall_s=_NO_LIMIT_S)
                finally:
                    program.abort()
                return status, stdout, bytes(program.stderr)
        except TimeoutError as exc:
            if isinstance(exc, RemoteTimeoutError):
                raise
            raise RemoteTimeoutError(
                f"{argv[0]} did not end within {timeout_s:g} s on {self._alias};"
                " it may still be running there"
            ) from exc

    async def _log_in(self) -> Login:
        for attempt in range(1, self._most_connects + 1):
            self._attempts.check()
            try:
                login = await log_in(
                    self._book, self._alias, timeout_s=self._connect_timeout_s, keepalive_s=self._keepalive_s
                )
            except LoginRefusedError as exc:
                self._attempts.note_refused(exc.error)
                raise exc.error from exc.error.__cause__
            except ConnectionFailedError as exc:
                pause_s = self._attempts.note_unreachable(exc)
                logger.warning("%s (attempt %d of %d)", exc, attempt, self._most_connects)
                if attempt == self._most_connects:
                    self._attempts.pause()
                    raise
                await asyncio.sleep(pause_s)
            else:
                self._attempts.note_success()
                self._tally.logins += 1
                logger.info("logged in to %s", login.target.address)
                return login
        raise ConnectionFailedError(f"no login to {self._alias} was tried")


async def _send(program: Program, data: bytes) -> None:
    try:
        if data:
            await program.write(data, stall_s=_NO_LIMIT_S)
    except ProgramEndedError:
        return  # it did not want all of it; its exit status says whether that is an error
    program.write_eof()


async def _receive(program: Program) -> bytes:
    chunks: list[bytes] = []
    while chunk := await program.read(stall_s=_NO_LIMIT_S):
        chunks.append(chunk)
    return b"".join(chunks)
