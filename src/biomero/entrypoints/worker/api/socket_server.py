"""A local socket that only this account can use, served by one worker of those that share it."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import stat
import struct
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from types import TracebackType
from typing import IO, Any, Self

from biomero.errors import ConfigurationError

_LOG = logging.getLogger(__name__)
_TAKE_OVER_EVERY_S = 2.0
_POLL_S = 0.1
_LONGEST = 107
"""Bytes that the kernel takes for the path of a socket."""
_ROOT = 0


class EngineSocket:
    """Answers from entering the block to its end; where another worker does, as soon as that one has ended.

    Raises
    ------
    ConfigurationError
        On entering, if there can be no socket at that place, or not only for this account.
    """

    def __init__(self, path: Path, handler: type[BaseHTTPRequestHandler]) -> None:
        self.path = path
        self._handler = handler
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._take_turns, name="engine socket", daemon=True)
        self._lock: IO[str] | None = None
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        if len(os.fsencode(self.path)) > _LONGEST:
            raise ConfigurationError(
                f"{self.path}: the path of a socket has {_LONGEST} bytes at most; name a shorter one "
                "([WORKER] socket)"
            )
        try:
            _own_folder(self.path.parent)
            self._try_to_serve()
        except OSError as exc:
            raise ConfigurationError(f"no socket at {self.path}: {exc.strerror or exc}") from exc
        if self._server is None:
            _LOG.info("another worker answers at %s", self.path)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._server is not None:
            self._server.shutdown()
            self.path.unlink(missing_ok=True)
            self._server.server_close()
        if self._lock is not None:
            self._lock.close()

    def _take_turns(self) -> None:
        while self._server is None and not self._ended.wait(_TAKE_OVER_EVERY_S):
            try:
                self._try_to_serve()
            except OSError as exc:
                _LOG.warning("no socket at %s: %s", self.path, exc)

    def _try_to_serve(self) -> None:
        """Serve, unless a living process does: its lock ends with it, however it ends."""
        lock = self.path.with_name(f"{self.path.name}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return
        self._lock = lock
        self.path.unlink(missing_ok=True)
        self._server = _Server(str(self.path), self._handler)
        self.path.chmod(0o600)
        threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="engine api", daemon=True
        ).start()
        _LOG.info("scripts find the engine at %s", self.path)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401, ARG002 - the library's
        """Hear nobody but this account, and root."""
        pid, uid, _ = struct.unpack(
            "3i", request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        )
        if uid in {os.getuid(), _ROOT}:
            return True
        _LOG.warning("process %s of account %s is not heard", pid, uid)
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 - the library's
        """Leave connections that break off alone."""
        _LOG.debug("a connection broke off", exc_info=True)


def _own_folder(folder: Path) -> None:
    """Make the folder of the socket, or see that nobody else can put another one in its place."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid not in {os.getuid(), _ROOT} or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError(
            f"{folder}: others than this account can write there, so that scripts could meet another engine; "
            "use a folder of mode 0700 ([WORKER] socket)"
        )
