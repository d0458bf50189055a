"""``/metrics``, ``/healthz`` and ``/readyz``, for monitoring; nothing can be changed over it."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from biomero.entrypoints.worker.health import Health
from biomero.errors import ConfigurationError

_LOG = logging.getLogger(__name__)
DEFAULT_ADDRESS = "127.0.0.1:8766"
_TIMEOUT_S = 10.0


class StatusServer:
    """Answers on an address from entering the block to its end.

    Parameters
    ----------
    address
        ``host:port``; port 0 for any that is free.

    Raises
    ------
    ConfigurationError
        On entering, if nobody can listen there.
    """

    def __init__(self, address: str, health: Health, registry: CollectorRegistry) -> None:
        self._address = address
        host, _, port = address.rpartition(":")
        self._place = (host.strip("[]"), int(port))
        self._health = health
        self._registry = registry
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        handler = type("_Bound", (_Handler,), {"health": self._health, "registry": self._registry})
        kind = _Server6 if ":" in self._place[0] else _Server
        try:
            self._server = kind(self._place, handler)
        except OSError as exc:
            raise ConfigurationError(
                f"nobody can listen at {self._address}: {exc.strerror or exc}; give this worker another "
                "address ([WORKER] http_address), or none"
            ) from exc
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()
        _LOG.info("/metrics, /healthz and /readyz are at http://%s", self.address)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    @property
    def address(self) -> str:
        """Where it answers, with the port that it got."""
        assert self._server is not None  # noqa: S101 - asked within the block
        host, port = self._server.server_address[:2]
        return f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # whoever keeps a connection open shall not keep the worker from its end

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's own
        """Leave connections that break off alone."""
        _LOG.debug("a connection broke off: %s %s", request, client_address)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    health: ClassVar[Health]
    registry: ClassVar[CollectorRegistry]
    timeout = _TIMEOUT_S
    server_version = "biomero"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer."""
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, encode(self.registry), kind)
            case "/healthz":
                self._say(self.health.problems())
            case "/readyz":
                self._say(self.health.obstacles())
            case _:
                self._answer(HTTPStatus.NOT_FOUND, b"not found\n", "text/plain")

    def _say(self, wrong: Mapping[str, str]) -> None:
        status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
        document = {"status": "unavailable" if wrong else "ok", "problems": wrong}
        self._answer(status, json.dumps(document).encode() + b"\n", "application/json")

    def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the library's own
        """Keep who asks out of the log."""
        _LOG.debug(format, *args)
