"""The run engine, as a script asks it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from biomero.errors import EngineAbsentError, EngineRefusedError

_TIMEOUT_S = 300.0
_CONNECT_TIMEOUT_S = 1.0
"""The socket is of this machine: whoever does not answer at once is not there, and a form waits for it."""
_SESSION = "X-Omero-Session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Asks over a socket, as the user of a session of OMERO.

    Parameters
    ----------
    session
        Tells who asks; empty for what anybody may know.
    """

    path: Path
    session: str = field(default="", repr=False)

    def workflows(self) -> list[dict[str, Any]]:
        """Return the workflows that there are."""
        found: list[dict[str, Any]] = self.ask("GET", "/v1/workflows", timeout_s=10)["workflows"]
        return found

    def order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a run; asking again with the same key is no other run."""
        return self.ask("POST", "/v1/runs", order)

    def put_results(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for results of a run to be put into OMERO once more, likewise."""
        return self.ask("POST", "/v1/imports", wish)

    def send_images(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for images to be sent to a cluster, where they stay, likewise."""
        return self.ask("POST", "/v1/transfers", wish)

    def send_file(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for an attached file to be sent beside images there, likewise."""
        return self.ask("POST", "/v1/files", wish)

    def convert_images(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for images there to be converted, likewise."""
        return self.ask("POST", "/v1/conversions", wish)

    def run(self, run_id: str) -> dict[str, Any]:
        """Return how a run stands."""
        return self.ask("GET", f"/v1/runs/{quote(run_id, safe='')}")

    def runs(self) -> list[dict[str, Any]]:
        """Return the user's newest runs."""
        found: list[dict[str, Any]] = self.ask("GET", "/v1/runs")["runs"]
        return found

    def cancel(self, run_id: str) -> dict[str, Any]:
        """Say that a run shall end."""
        return self.ask("POST", f"/v1/runs/{quote(run_id, safe='')}/cancel", {})

    def logs(self, run_id: str) -> dict[str, Any]:
        """Return the ends of the logs of a run's jobs."""
        return self.ask("GET", f"/v1/runs/{quote(run_id, safe='')}/logs")

    def check(self) -> dict[str, Any]:
        """Return what is wrong between here and the clusters."""
        return self.ask("GET", "/v1/check")

    def ask(
        self, method: str, page: str, body: object = None, *, timeout_s: float = _TIMEOUT_S
    ) -> dict[str, Any]:
        """Ask, and return the answer.

        Raises
        ------
        EngineAbsentError
            If nobody answers.
        EngineRefusedError
            If the engine says that it cannot be done; the message says why.
        """
        connection = _Connection(self.path, timeout_s)
        headers = {"Content-Type": "application/json", **({_SESSION: self.session} if self.session else {})}
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, page, body=text, headers=headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise EngineAbsentError(
                f"BIOMERO's engine does not answer ({_reason(exc)}); tell the administrator that "
                f"`biomero worker` is not there, or not at {self.path}"
            ) from exc
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise EngineRefusedError(
                str(answer.get("error", response.status)), is_transient=bool(answer.get("transient"))
            )
        found: dict[str, Any] = answer
        return found


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket of this machine."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("engine", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """See `http.client.HTTPConnection.connect`."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_CONNECT_TIMEOUT_S)
        self.sock.connect(str(self._path))
        self.sock.settimeout(self.timeout)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or str(error) or type(error).__name__)
