"""The way in: a Glacier2 router in the server's own process, or what a real one asks (`SessionManager`).

Requests that clients route arrive on the adapter that holds the servants. The server calls no client back.
"""

from __future__ import annotations

from typing import Any

import Glacier2
import Ice
import omero
import omero.api

from omero_server.dispatch import bare_servant, servant
from omero_server.server import Server
from omero_server.services.factory import Factory, leave
from omero_server.sessions import OpenSession


class Verifier:
    """`Glacier2.PermissionsVerifier`: a password, or the name of an open session as both."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def checkPermissions(self, name: str, password: str, _: Any) -> tuple[bool, str]:
        with self._server.lock:
            if self._server.sessions.knows(name):
                return name == password, ""
            user = self._server.accounts.user(name)
            known = None if user is None else self._server.records.password(user.id)
            return known is not None and known == password, ""


class Manager:
    """`Glacier2.SessionManager`: sessions are opened, or joined."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, name: str, control: Any, current: Any) -> Any:
        client = current.ctx.get("omero.client.uuid", "")
        if not client:
            raise Glacier2.CannotCreateSessionException("no omero.client.uuid in the context")
        self._server.faults.before("SessionManager.create", current)
        with self._server.lock:
            session = self._session(name, current)
            session.references += 1
            identity = Ice.Identity(session.uuid, f"session-{client}")
            if control is not None:
                control.categories().add([identity.category])
            if self._server.adapter.find(identity) is None:
                factory = servant(omero.api.ServiceFactory, Factory(self._server, session, identity.category))
                self._server.serve(factory, session, identity.category, session.uuid)
        return Glacier2.SessionPrx.uncheckedCast(self._server.adapter.createProxy(identity))

    def _session(self, name: str, current: Any) -> OpenSession:
        if self._server.sessions.knows(name):
            return self._server.sessions.named(name)
        user = self._server.accounts.user(name)
        if user is None:
            raise Glacier2.CannotCreateSessionException(f"unknown user {name}")
        try:
            return self._server.sessions.open(
                user, group=current.ctx.get("omero.group"), agent=current.ctx.get("omero.agent", "")
            )
        except omero.ServerError as exc:
            kind = f"ome.conditions.{type(exc).__name__}"
            raise omero.WrappedCreateSessionException(exc.message, False, 0, kind) from exc


class Router:
    """`Glacier2.Router`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._verifier = Verifier(server)
        self._manager = Manager(server)
        self._factories: dict[str, Any] = {}  # by the addresses of both ends of a connection

    def createSession(self, name: str, password: str, current: Any) -> Any:
        is_right, _ = self._verifier.checkPermissions(name, password, current)
        if not is_right:
            raise Glacier2.PermissionDeniedException(f"Password check failed for '{name}'")
        proxy = self._manager.create(name, None, current)
        self._factories[current.con.toString()] = proxy.ice_getIdentity()
        return proxy

    def getClientProxy(self, _: Any) -> Any:
        return None

    def getServerProxy(self, _: Any) -> Any:
        return self._server.adapter.createProxy(Ice.Identity("server", "router"))

    def addProxies(self, _proxies: Any, _: Any) -> list[Any]:
        return []

    def addProxy(self, _proxy: Any, _: Any) -> None:
        """All routed requests arrive here anyway."""

    def getCategoryForClient(self, _: Any) -> str:
        return "client"

    def refreshSession(self, _: Any) -> None:
        """Sessions of the router do not end before OMERO's."""

    def destroySession(self, current: Any) -> None:
        identity = self._factories.pop(current.con.toString(), None)
        if identity is None:
            raise Glacier2.SessionNotExistException
        leave(self._server, identity)

    def getSessionTimeout(self, _: Any) -> int:
        return 600

    def getACMTimeout(self, _: Any) -> int:
        return 60


def add_ways_in(server: Server) -> None:
    """Let clients come through the router of this process, and a real router ask."""
    add = server.adapter.add
    add(bare_servant(Glacier2.PermissionsVerifier, Verifier(server)), Ice.Identity("BlitzVerifier", ""))
    add(bare_servant(Glacier2.SessionManager, Manager(server)), Ice.Identity("BlitzManager", ""))
    add(bare_servant(Glacier2.Router, Router(server)), Ice.Identity("router", "OMERO.Glacier2"))
