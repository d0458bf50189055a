"""HTTP and JSON: reads a request, and turns answers and errors into responses."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from biomero.errors import (
    BiomeroError,
    OmeroLoginError,
    OmeroPermissionError,
    UnknownRunError,
    UsageError,
)

_LOG = logging.getLogger(__name__)
_TIMEOUT_S = 60.0
_LARGEST = 4 * 1024 * 1024
SESSION = "X-Omero-Session"
"""The header with the session of who asks; never logged."""

_STATUSES: tuple[tuple[type[BiomeroError], HTTPStatus], ...] = (
    (UnknownRunError, HTTPStatus.NOT_FOUND),
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (OmeroLoginError, HTTPStatus.UNAUTHORIZED),
    (OmeroPermissionError, HTTPStatus.FORBIDDEN),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks.

    Parameters
    ----------
    path
        Its parts, without the version in front: ``("runs", "0f5d7c2a")``.
    session
        Of OMERO; empty for none.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    session: str = field(default="", repr=False)


class Api(Protocol):
    """Answers requests."""

    def answer(self, request: Request) -> Mapping[str, Any]:
        """Return a document.

        Raises
        ------
        BiomeroError
            If what was asked cannot be done.
        LookupError
            If there is no such page.
        """
        ...


class _BadRequestError(Exception):
    """Not even a request."""


class JsonHandler(BaseHTTPRequestHandler):
    """One connection."""

    api: ClassVar[Api]
    timeout = _TIMEOUT_S
    server_version = "biomero"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def do_POST(self) -> None:
        """Answer."""
        self._answer()

    def _answer(self) -> None:
        try:
            status, document = HTTPStatus.OK, self.api.answer(self._request())
        except _BadRequestError as exc:
            status, document = HTTPStatus.BAD_REQUEST, problem("BadRequest", str(exc))
        except LookupError as exc:
            if not isinstance(exc, BiomeroError):
                status, document = HTTPStatus.NOT_FOUND, problem("NotFound", "there is no such page")
            else:
                status, document = _refused(exc)
        except BiomeroError as exc:
            status, document = _refused(exc)
        except Exception:  # noqa: BLE001 - the outermost place of this thread: the worker goes on
            _LOG.exception("a request met a bug")
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            document = problem("Bug", "the engine met a bug; the worker's log says more")
        self._send(status, document)

    def _request(self) -> Request:
        target = urlsplit(self.path)
        version, *path = [unquote(part) for part in target.path.strip("/").split("/")]
        if version != "v1":
            raise LookupError(version)
        return Request(
            method=self.command,
            path=tuple(path),
            query=dict(parse_qsl(target.query)),
            body=self._body() if self.command == "POST" else None,
            session=self.headers.get(SESSION, ""),
        )

    def _body(self) -> object:
        text = self.headers.get("Content-Length", "0")
        if not (text.isascii() and text.isdigit()) or int(text) > _LARGEST:
            raise _BadRequestError(f"a request has {_LARGEST} bytes at most, and says how many")
        try:
            return json.loads(self.rfile.read(int(text)) or b"{}")
        except (ValueError, RecursionError) as exc:
            raise _BadRequestError("the request is no JSON") from exc

    def _send(self, status: HTTPStatus, document: Mapping[str, Any]) -> None:
        body = json.dumps(document).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the library's own
        """Tell it to those who want to know; the library would name an address, and there is none here."""
        _LOG.debug(format, *args)


def problem(kind: str, sentence: str, *, transient: bool = False) -> dict[str, Any]:
    """Return the document of a refusal."""
    return {"error": sentence, "kind": kind, "transient": transient}


def _refused(error: BiomeroError) -> tuple[HTTPStatus, Mapping[str, Any]]:
    status = next((s for kind, s in _STATUSES if isinstance(error, kind)), None)
    if status is None:
        status = HTTPStatus.SERVICE_UNAVAILABLE if error.transient else HTTPStatus.BAD_GATEWAY
    return status, problem(type(error).__name__, str(error), transient=error.transient)
