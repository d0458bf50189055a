"""The control channel: tests ask, over a line of JSON on loopback, for what no client of OMERO may."""

from __future__ import annotations

import json
import socketserver
import threading
import traceback
from collections.abc import Sequence
from typing import Any

from omero_server import values
from omero_server.records import Record
from omero_server.seeding import Seeding
from omero_server.server import Server


class Control(Seeding):
    """What can be asked for: objects, faults, sessions, and what is in the database."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._server = server

    def set_permissions(self, *, group: str, permissions: str) -> None:
        """Change a group's permissions."""
        found = self._server.accounts.group(group)
        assert found is not None
        found.scalars["#permissions"] = permissions
        self._records.put(found)

    def set_setting(self, *, name: str, value: str) -> None:
        """Set what ``IConfig`` says."""
        self._server.settings[name] = value

    def add_fault(self, *, operation: str, times: int, delay_s: float, error: str, after: bool) -> None:
        """See `Faults.add`."""
        self._server.faults.add(operation, times=times, delay_s=delay_s, error=error, after=after)

    def clear_faults(self) -> None:
        """See `Faults.clear`."""
        self._server.faults.clear()

    def calls(self, *, operation: str) -> int:
        """Return how often ``Service.operation`` was called."""
        return self._server.faults.calls[operation]

    def open_sessions(self, *, user: str) -> list[str]:
        """Return the names of a user's open sessions."""
        found = self._server.accounts.user(user)
        return [] if found is None else [s.uuid for s in self._server.sessions.of_user(found)]

    def kill_sessions(self, *, uuids: Sequence[str]) -> None:
        """End sessions under their users."""
        for uuid in uuids:
            self._server.sessions.close(self._server.sessions.named(uuid))

    def set_idle_time(self, *, seconds: float) -> None:
        """Let sessions that are opened from now on end when they are not used for so long."""
        self._server.sessions.idle_s = seconds

    def rows(self, *, kind: str) -> list[dict[str, Any]]:
        """Return all objects of a class, whoever may see them."""
        return [_row(record) for record in self._records.all(kind)]


def _row(record: Record) -> dict[str, Any]:
    plain = {n: values.plain(v) for n, v in record.scalars.items() if not n.startswith("#")}
    shown = {n: v for n, v in plain.items() if v is None or isinstance(v, bool | int | float | str)}
    links = {n: None if r is None else r.id for n, r in record.references.items()}
    return {
        **shown,
        **links,
        "id": record.id,
        "kind": record.kind.name,
        "owner_id": record.owner,
        "group_id": record.group,
    }


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Listener)
        for line in self.rfile:
            said = self.server.answer(json.loads(line))
            self.wfile.write(json.dumps(said).encode() + b"\n")


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, server: Server) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self._omero = server
        self._control = Control(server)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked; an error is an answer, too, and changes nothing."""
        method = getattr(self._control, request.pop("do"))
        with self._omero.lock:
            try:
                answer = method(**request)
                self._omero.records.commit()
            except Exception as exc:  # noqa: BLE001 - the test sees what it was
                self._omero.records.roll_back()
                traceback.print_exc()
                return {"error": f"{type(exc).__name__}: {getattr(exc, 'message', exc)}"}
        return {"answer": answer}


def listen(port: int, server: Server) -> None:
    """Answer on a port from now on."""
    listener = _Listener(port, server)
    threading.Thread(target=listener.serve_forever, name="control", daemon=True).start()
