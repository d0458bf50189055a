"""``python -m services.small_blitz``: the server ``Blitz-0`` of a grid, whose properties name its adapter."""

from __future__ import annotations

import sys
from typing import Any

import Glacier2
import Ice
import omero
import omero.all
import omero.columns
import omero.grid
import omero.ObjectFactoryRegistrar
import omero.rtypes

from services.small_blitz.dispatch import servant
from services.small_blitz.scripts import Processors, Scripts, SharedResources
from services.small_blitz.services import Admin, JobHandle, RawFile, Sessions, Update
from services.small_blitz.store import PASSWORD, USERS, Session, Store


class Factory:
    """`omero.api.ServiceFactory`: the services of one session."""

    def __init__(self, blitz: Blitz, session: Session, category: str) -> None:
        self._blitz = blitz
        self._session = session
        self._category = category

    def _serve(self, made: Any) -> Any:
        return self._blitz.adapter.add(made, Ice.Identity(Ice.generateUUID(), self._category))

    def getSessionService(self) -> Any:
        return omero.api.ISessionPrx.uncheckedCast(
            self._serve(servant(omero.api.ISession, Sessions(self._blitz.store)))
        )

    def getAdminService(self) -> Any:
        return omero.api.IAdminPrx.uncheckedCast(self._serve(servant(omero.api.IAdmin, Admin(self._session))))

    def getUpdateService(self) -> Any:
        return omero.api.IUpdatePrx.uncheckedCast(
            self._serve(servant(omero.api.IUpdate, Update(self._blitz.store)))
        )

    def getScriptService(self) -> Any:
        scripts = Scripts(self._blitz.store, self._blitz.processors, self._session, self._serve)
        return omero.api.IScriptPrx.uncheckedCast(self._serve(servant(omero.api.IScript, scripts)))

    def createJobHandle(self) -> Any:
        return omero.api.JobHandlePrx.uncheckedCast(
            self._serve(servant(omero.api.JobHandle, JobHandle(self._blitz.store)))
        )

    def createRawFileStore(self) -> Any:
        return omero.api.RawFileStorePrx.uncheckedCast(
            self._serve(servant(omero.api.RawFileStore, RawFile(self._blitz.store)))
        )

    def sharedResources(self) -> Any:
        return omero.grid.SharedResourcesPrx.uncheckedCast(
            self._serve(servant(omero.grid.SharedResources, SharedResources(self._blitz.processors)))
        )

    def keepAlive(self, _proxy: Any) -> bool:
        return self._session.uuid in self._blitz.store.sessions

    def keepAllAlive(self, _proxies: Any) -> int:
        return 0

    def setCallback(self, callback: Any) -> None:
        """Nobody is called back: clients that poll see all that they need."""

    def detachOnDestroy(self) -> None:
        """Sessions end when they are closed, not when clients go."""

    def closeOnDestroy(self) -> None:
        """Likewise."""

    def destroy(self) -> None:
        """Likewise."""


class Verifier:
    """`Glacier2.PermissionsVerifier`: a password, or a session's uuid as both."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def checkPermissions(self, user: str, password: str) -> tuple[bool, str]:
        is_session = user == password and user in self._store.sessions
        return is_session or (user in USERS and password == PASSWORD), ""


class Manager:
    """`Glacier2.SessionManager`."""

    def __init__(self, blitz: Blitz) -> None:
        self._blitz = blitz

    def create(self, user: str, _control: Any, current: Any) -> Any:
        client = current.ctx.get("omero.client.uuid", "")
        store = self._blitz.store
        session = store.sessions.get(user) or store.open_session(user)
        identity = Ice.Identity(session.uuid, f"session-{client}")
        if self._blitz.adapter.find(identity) is None:
            factory = Factory(self._blitz, session, identity.category)
            self._blitz.adapter.add(servant(omero.api.ServiceFactory, factory), identity)
        return Glacier2.SessionPrx.uncheckedCast(self._blitz.adapter.createProxy(identity))


class Blitz(Ice.Application):  # type: ignore[misc] # Ice has no types
    """The server."""

    def run(self, _: list[str]) -> int:
        communicator = self.communicator()
        omero.ObjectFactoryRegistrar.registerObjectFactory(communicator, None)
        for factory in (*omero.rtypes.ObjectFactories.values(), *omero.columns.ObjectFactories.values()):
            factory.register(communicator)
        self.adapter = communicator.createObjectAdapter("BlitzAdapter")
        self.store = Store()
        self.processors = Processors(communicator, self.adapter)
        verifier = servant(Glacier2.PermissionsVerifier, Verifier(self.store))
        self.adapter.add(verifier, Ice.Identity("BlitzVerifier", ""))
        self.adapter.add(servant(Glacier2.SessionManager, Manager(self)), Ice.Identity("BlitzManager", ""))
        self.adapter.activate()
        communicator.waitForShutdown()
        return 0


if __name__ == "__main__":
    sys.exit(Blitz().main(sys.argv))
