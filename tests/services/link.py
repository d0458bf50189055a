"""A network link on loopback that can be cut, stalled, throttled and healed while programs use it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

from services.processes import free_ports

_CHUNK = 16384
_RESET = struct.pack("ii", 1, 0)
"""Closing a socket that lingers for no time tells the other end at once, and what was on its way is lost."""
_SETTLE_S = 0.05
T = TypeVar("T")


class Way(Enum):
    """A direction, as the one sees it who dials."""

    UP = "up"
    DOWN = "down"


class Link:
    """Forwards a port of loopback to another one, as well as it is told to.

    Parameters
    ----------
    outside
        Address and port where clients dial, if not a free port of 127.0.0.1; all of 127.0.0.0/8 is loopback.

    Attributes
    ----------
    port
        Where clients dial.
    dropped
        Set when connections were reset because so many bytes had passed; see `cut_after`.
    """

    def __init__(self, target: int, *, outside: tuple[str, int] | None = None) -> None:
        self.target = target
        self._address, self.port = outside or ("127.0.0.1", free_ports(1)[0])
        self.dropped = threading.Event()
        self.passed = {Way.UP: 0, Way.DOWN: 0}
        self._left: dict[Way, int] = {}
        self._rate: float | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Connections are reset, and new ones refused."""
        self._do(self._shut())
        try:
            yield
        finally:
            self.heal()

    def drop(self) -> None:
        """Reset the connections; new ones pass at once."""
        self._do(self._reset())

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Nothing passes and nobody is told: connections stay, and new ones are made, without a byte."""
        self._do(self._stall())
        try:
            yield
        finally:
            self.heal()

    @contextmanager
    def throttled(self, bytes_per_s: float) -> Iterator[None]:
        """No more than so many bytes pass in a second, in each direction of each connection."""
        self._rate = bytes_per_s
        try:
            yield
        finally:
            self._rate = None

    def cut_after(self, count: int, way: Way = Way.UP) -> None:
        """Reset all connections once, when so many more bytes have passed in one direction."""
        self.dropped.clear()
        self._left[way] = count

    def heal(self) -> None:
        """Let everything pass again."""
        self._rate = None
        self._left.clear()
        self._do(self._open())

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(timeout=30)

    async def _open(self) -> None:
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, self._address, self.port, reuse_address=True
            )

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _stall(self) -> None:
        self._flows.clear()

    async def _reset(self) -> None:
        for end in list(self._ends):
            _reset(end)

    async def _close(self) -> None:
        await self._shut()
        self._flows.set()
        await asyncio.sleep(_SETTLE_S)  # who was let in a moment ago has a task by now
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._reset()
        await asyncio.sleep(0)  # what was reset is closed in the next turn

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._ends.add(client)
        try:
            far_reader, server = await asyncio.open_connection("127.0.0.1", self.target)
        except (OSError, asyncio.CancelledError):
            self._ends.discard(client)
            _reset(client)
            return
        self._ends.add(server)
        pumps = [
            asyncio.ensure_future(self._pump(Way.UP, reader, server)),
            asyncio.ensure_future(self._pump(Way.DOWN, far_reader, client)),
        ]
        try:
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            for end in (client, server):
                self._ends.discard(end)
                end.close()

    async def _pump(self, way: Way, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(_CHUNK):
                await self._flows.wait()
                if self._rate is not None:
                    await asyncio.sleep(len(chunk) / self._rate)
                self.passed[way] += len(chunk)
                if self._is_too_much(way, len(chunk)):
                    await self._reset()
                    self.dropped.set()
                    return
                sink.write(chunk)
                await sink.drain()
            sink.write_eof()

    def _is_too_much(self, way: Way, count: int) -> bool:
        if way not in self._left:
            return False
        self._left[way] -= count
        if self._left[way] >= 0:
            return False
        del self._left[way]
        return True


def _reset(end: asyncio.StreamWriter) -> None:
    raw = end.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    end.transport.abort()
