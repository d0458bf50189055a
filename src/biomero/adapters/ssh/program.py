"""One program at the far end, on one channel: its input, its outputs, and how it ended."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from contextlib import suppress

import asyncssh

from biomero.errors import ConnectionFailedError, RemoteCommandError, RemoteTimeoutError

READ_AHEAD_BYTES = 8 * 1024 * 1024
WRITE_AHEAD_BYTES = 4 * 1024 * 1024
MOST_STDERR_BYTES = 4 * 1024 * 1024
MOST_NOISE_BYTES = 1024 * 1024


class ProgramEndedError(Exception):
    """The program takes no more input: it has ended, and its exit status and stderr say why."""


class AfterMarker:
    """Drops what start-up files of an account print before the marker of our own command.

    Where no marker comes, as with an account that may not run anything, all of it is kept.
    """

    def __init__(self, marker: bytes) -> None:
        self._marker = marker
        self._held = bytearray()
        self._passed = not marker
        self.was_seen = not marker

    def feed(self, data: bytes) -> bytes:
        """Return what may be passed on."""
        if self._passed:
            return data
        self._held += data
        before, marker, after = bytes(self._held).partition(self._marker)
        if not marker and len(before) < MOST_NOISE_BYTES:
            return b""
        self._passed = True
        self.was_seen = bool(marker)
        self._held.clear()
        return after if marker else before

    def end(self) -> bytes:
        """Return what was held back when nothing more comes."""
        self._passed = True
        held = bytes(self._held)
        self._held.clear()
        return held


class Program(asyncssh.SSHClientSession[bytes]):
    """What AsyncSSH calls with the program's outputs; everything here happens in the event loop."""

    def __init__(self, host: str, marker: bytes) -> None:
        self._host = host
        self._out = AfterMarker(marker)
        self._err = AfterMarker(marker)
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._paused = False
        self._stdout_ended = False
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = asyncio.Event()
        self._lost: Exception | None = None
        self.stderr = bytearray()
        self.exit_status: int | None = None

    # --- called by AsyncSSH

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Keep the channel."""
        self._channel = chan
        chan.set_write_buffer_limits(high=WRITE_AHEAD_BYTES)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Keep output until it is asked for; stop the far end when too much waits."""
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self._keep_error(self._err.feed(data))
        else:
            self._keep(self._out.feed(data))

    def eof_received(self) -> bool:
        """Keep the channel half open: input may still be wanted."""
        self._keep(self._out.end())
        self._stdout_ended = True
        self._changed.set()
        return True

    def pause_writing(self) -> None:
        """Hold writers back."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._writable.set()

    def exit_status_received(self, status: int) -> None:
        """Keep how the program ended."""
        self.exit_status = status

    def exit_signal_received(self, signal_name: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: FBT001 - AsyncSSH's signature
        """Say a signal as a shell does."""
        del core_dumped, msg, lang
        number = getattr(signal, f"SIG{signal_name}", None)
        self.exit_status = 128 + (int(number) if number else 0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits: nothing more comes."""
        self._lost = exc
        self._keep(self._out.end())
        self._keep_error(self._err.end())
        self._stdout_ended = True
        self._changed.set()
        self._writable.set()
        self._closed.set()

    # --- called by us

    @property
    def is_closed(self) -> bool:
        """The channel is gone."""
        return self._closed.is_set()

    async def write(self, data: bytes, stall_s: float) -> None:
        """Send input; wait while the far end is slow.

        Raises
        ------
        ProgramEndedError
            If the program takes no more.
        ConnectionFailedError, RemoteTimeoutError
            If the connection is lost, or nothing moved for `stall_s`.
        """
        await self._within(self._writable.wait(), stall_s)
        channel = self._channel
        if channel is None or self._closed.is_set():
            self._raise_if_lost()
            raise ProgramEndedError
        try:
            channel.write(data)
        except OSError as exc:
            self._raise_if_lost()
            raise ProgramEndedError from exc

    def write_eof(self) -> None:
        """Say that no more input comes."""
        if self._channel is not None and not self._closed.is_set():
            try:
                self._channel.write_eof()
            except OSError:
                return  # it has ended by itself; its exit status says how

    async def read(self, stall_s: float) -> bytes:
        """Return the next output, or nothing at its end.

        Raises
        ------
        ConnectionFailedError, RemoteTimeoutError
            If the connection is lost, or nothing moved for `stall_s`.
        """
        while not self._chunks:
            if self._stdout_ended:
                self._raise_if_lost()
                return b""
            self._changed.clear()
            await self._within(self._changed.wait(), stall_s)
        chunk = b"".join(self._chunks)
        self._chunks.clear()
        self._waiting_bytes = 0
        if self._paused and self._channel is not None and not self._closed.is_set():
            self._paused = False
            self._channel.resume_reading()
        return chunk

    async def end(self, stall_s: float) -> int:
        """Wait for the end and return the exit status.

        Raises
        ------
        ConnectionFailedError, RemoteTimeoutError
            If the connection was lost before the program ended, or it has not ended after `stall_s`.
        RemoteCommandError
            If the login shell said that all went well, and never came to our command.
        """
        await self._within(self._closed.wait(), stall_s)
        if self.exit_status is None:
            raise ConnectionFailedError(
                f"the connection to {self._host} was lost while a command ran there"
            ) from self._lost
        if self.exit_status == 0 and not self._out.was_seen:
            raise RemoteCommandError(
                f"the login shell on {self._host} ended without running our command; check the start-up "
                "files of the account (~/.bashrc, ~/.profile) and what it may run"
            )
        return self.exit_status

    def abort(self) -> None:
        """Leave the program alone: end it if the server lets us, and close the channel."""
        if self._channel is None or self._closed.is_set():
            return
        with suppress(OSError, asyncssh.Error):  # if the server does not let us, closing must do
            self._channel.send_signal("TERM")
        self._channel.abort()

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._chunks.append(data)
        self._waiting_bytes += len(data)
        self._changed.set()
        if self._waiting_bytes > READ_AHEAD_BYTES and not self._paused and self._channel is not None:
            self._paused = True
            self._channel.pause_reading()

    def _keep_error(self, data: bytes) -> None:
        self.stderr += data[: max(0, MOST_STDERR_BYTES - len(self.stderr))]

    def _raise_if_lost(self) -> None:
        if self._closed.is_set() and self.exit_status is None:
            raise ConnectionFailedError(
                f"the connection to {self._host} was lost while a command ran there"
            ) from self._lost

    async def _within(self, waiting: object, stall_s: float) -> None:
        try:
            async with asyncio.timeout(stall_s):
                await waiting  # type: ignore[misc]  # Event.wait()'s coroutine
        except TimeoutError as exc:
            raise RemoteTimeoutError(f"nothing moved to or from {self._host} for {stall_s:g} s") from exc
