"""``ServiceFactory``: the services of a session."""

from __future__ import annotations

from typing import Any

import Ice
import omero
import omero.api
import omero.cmd
import omero.grid

from omero_server.dispatch import Service, servant
from omero_server.server import Server
from omero_server.services.accounts import Admin
from omero_server.services.commands import Handle
from omero_server.services.configuration import Config, Types
from omero_server.services.containers import Container, Metadata
from omero_server.services.images import Pixels
from omero_server.services.jobs import JobHandle
from omero_server.services.queries import Query
from omero_server.services.raw_files import RawFiles
from omero_server.services.raw_pixels import RawPixels
from omero_server.services.rendering import Rendering, RenderingSettings, Thumbnails
from omero_server.services.resources import Resources
from omero_server.services.rois import Rois
from omero_server.services.scripts import Scripts
from omero_server.services.session import SessionService
from omero_server.services.updates import Update
from omero_server.sessions import OpenSession

_SHARED: dict[str, type[Service]] = {
    "Admin": Admin,
    "Config": Config,
    "Container": Container,
    "Metadata": Metadata,
    "Pixels": Pixels,
    "Query": Query,
    "RenderingSettings": RenderingSettings,
    "Roi": Rois,
    "Script": Scripts,
    "Session": SessionService,
    "Types": Types,
    "Update": Update,
}
_STATEFUL: dict[str, type[Service]] = {
    "JobHandle": JobHandle,
    "RawFileStore": RawFiles,
    "RawPixelsStore": RawPixels,
    "RenderingEngine": Rendering,
    "ThumbnailStore": Thumbnails,
}


class Factory(Service):
    """`omero.api.ServiceFactory`."""

    checks_group = False  # services do, and requests answer that they failed

    def __init__(self, server: Server, session: OpenSession, category: str) -> None:
        super().__init__(server, session)
        self._category = category
        self._made: dict[str, Any] = {}
        self.is_detached = False
        for name in _SHARED:
            setattr(self, f"get{name}Service", self._getter(name))
        for name in _STATEFUL:
            setattr(self, f"create{name}", self._maker(name))

    def getByName(self, name: str, _: Any) -> Any:
        return self._shared(name.rpartition(".I")[2])

    def createByName(self, name: str, _: Any) -> Any:
        return self._stateful(name.rpartition(".")[2])

    def sharedResources(self, _: Any) -> Any:
        proxy = self._once("resources", omero.grid.SharedResources, Resources)
        return omero.grid.SharedResourcesPrx.uncheckedCast(proxy)

    def submit(self, request: Any, call: Any) -> Any:
        handle = Handle(self.server, self.session)
        handle.run(request, call)
        made = servant(omero.cmd.Handle, handle)
        return omero.cmd.HandlePrx.uncheckedCast(self.server.serve(made, self.session, self._category))

    def setSecurityContext(self, thing: Any, call: Any) -> Any:
        """Let later calls be made in another group; return the one before."""
        if self.session.is_bound:
            raise omero.SecurityViolation(None, None, "Group-sudo session cannot change context!")
        group = thing.id.val
        if group not in call.member_of and not call.is_admin:
            message = f"User {call.user.id} is not a member of group {group} and cannot login"
            raise omero.SecurityViolation(None, None, message)
        before, self.session.group = self.session.group, group
        return omero.model.ExperimenterGroupI(before, False)

    def getSecurityContexts(self, call: Any) -> list[Any]:
        return [omero.model.ExperimenterGroupI(group, False) for group in call.member_of]

    def setSecurityPassword(self, password: str, call: Any) -> None:
        if self.records.password(call.user.id) != password:
            raise omero.SecurityViolation(None, None, "Bad password")

    def setCallback(self, _callback: Any, _: Any) -> None:
        """Nobody is called back: clients that poll see all that they need."""

    def subscribe(self, _topic: str, _proxy: Any, _: Any) -> None:
        """Likewise."""

    def detachOnDestroy(self, _: Any) -> None:
        self.is_detached = True

    def closeOnDestroy(self, _: Any) -> None:
        self.is_detached = False

    def destroy(self, call: Any) -> None:
        leave(self.server, call.current.id)

    def keepAlive(self, proxy: Any, _: Any) -> bool:
        return proxy is None or self.server.adapter.find(proxy.ice_getIdentity()) is not None

    def keepAllAlive(self, proxies: Any, _: Any) -> int:
        found = [p is None or self.server.adapter.find(p.ice_getIdentity()) is not None for p in proxies]
        return sum(1 << place for place, is_alive in enumerate(found) if not is_alive)

    def activeServices(self, _: Any) -> list[str]:
        return [identity.name for identity in self.session.services]

    def _getter(self, name: str) -> Any:
        return lambda _: self._shared(name)

    def _maker(self, name: str) -> Any:
        return lambda _: self._stateful(name)

    def _shared(self, name: str) -> Any:
        if name not in _SHARED:
            raise omero.ApiUsageException(None, None, f"the test server has no service {name}")
        proxy = self._once(name, getattr(omero.api, f"I{name}"), _SHARED[name])
        return getattr(omero.api, f"I{name}Prx").uncheckedCast(proxy)

    def _once(self, name: str, interface: Any, service: type[Service]) -> Any:
        if name not in self._made:
            made = servant(interface, service(self.server, self.session))
            identity = f"{self.session.uuid}omero.api.{name}"
            self._made[name] = self.server.serve(made, self.session, self._category, identity)
        return self._made[name]

    def _stateful(self, name: str) -> Any:
        made = servant(getattr(omero.api, name), _STATEFUL[name](self.server, self.session))
        proxy = self.server.serve(made, self.session, self._category)
        return getattr(omero.api, f"{name}Prx").uncheckedCast(proxy)


def leave(server: Server, identity: Ice.Identity) -> None:
    """Let a client leave its session, which ends with its last client unless that was told otherwise."""
    with server.lock:
        if not server.sessions.knows(identity.name):
            return
        session = server.sessions.named(identity.name)
        found = server.adapter.find(identity)
        for one in [i for i in session.services if i.category == identity.category]:
            session.services.discard(one)
            server.forget(one)
        if found is not None and not found.service.is_detached:
            server.sessions.release(session)
