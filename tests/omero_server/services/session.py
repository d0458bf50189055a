"""``ISession``: sessions for oneself and for others, and what scripts are given and give back."""

from __future__ import annotations

from typing import Any

import omero

from omero_server.call import Call
from omero_server.copies import Copier, Fetched
from omero_server.dispatch import Service
from omero_server.sessions import OpenSession


class SessionService(Service):
    """`omero.api.ISession`."""

    def getSession(self, uuid: str, call: Call) -> Any:
        return self._copy(self.server.sessions.named(uuid), call)

    def getReferenceCount(self, uuid: str, _: Call) -> int:
        return self.server.sessions.named(uuid).references

    def closeSession(self, thing: Any, _: Call) -> int:
        if not self.server.sessions.knows(thing.uuid.val):
            return -2
        return self.server.sessions.release(self.server.sessions.named(thing.uuid.val))

    def createSession(self, principal: Any, password: str, call: Call) -> Any:
        user = self.server.accounts.user(principal.name)
        if user is None or self.records.password(user.id) != password:
            raise omero.AuthenticationException("Authentication failed.")
        return self._copy(self.server.sessions.open(user, group=principal.group), call)

    def createUserSession(self, live_ms: int, idle_ms: int, group: str, call: Call) -> Any:
        opened = self.server.sessions.open(
            call.user,
            group=group or None,
            sudoer=self.session.sudoer,
            live_s=live_ms / 1000,
            idle_s=idle_ms / 1000,
        )
        return self._copy(opened, call)

    def createSessionWithTimeout(self, principal: Any, live_ms: int, call: Call) -> Any:
        return self.createSessionWithTimeouts(principal, live_ms, 0, call)

    def createSessionWithTimeouts(self, principal: Any, live_ms: int, idle_ms: int, call: Call) -> Any:
        """Open a session for another, as administrators may, and leaders for members of their groups."""
        user = self.server.accounts.user(principal.name)
        if user is None:
            raise omero.AuthenticationException("Error creating session.")
        may_sudo = call.is_admin and "Sudo" in call.privileges
        if not may_sudo:
            self._check_leader(principal.group, user.id, call)
        opened = self.server.sessions.open(
            user,
            group=principal.group or None,
            sudoer=self.session.sudoer or call.user,
            live_s=live_ms / 1000,
            idle_s=idle_ms / 1000 if idle_ms else None,
            is_bound=not may_sudo,
        )
        return self._copy(opened, call)

    def getMyOpenSessions(self, call: Call) -> list[Any]:
        return [self._copy(s, call) for s in self.server.sessions.of_user(call.user)]

    def getInput(self, uuid: str, key: str, _: Call) -> Any:
        return self.server.sessions.named(uuid).inputs.get(key)

    def getInputs(self, uuid: str, _: Call) -> dict[str, Any]:
        return self.server.sessions.named(uuid).inputs

    def getInputKeys(self, uuid: str, _: Call) -> list[str]:
        return list(self.server.sessions.named(uuid).inputs)

    def setInput(self, uuid: str, key: str, value: Any, _: Call) -> None:
        self.server.sessions.named(uuid).inputs[key] = value

    def getOutput(self, uuid: str, key: str, _: Call) -> Any:
        return self.server.sessions.named(uuid).outputs.get(key)

    def getOutputs(self, uuid: str, _: Call) -> dict[str, Any]:
        return self.server.sessions.named(uuid).outputs

    def getOutputKeys(self, uuid: str, _: Call) -> list[str]:
        return list(self.server.sessions.named(uuid).outputs)

    def setOutput(self, uuid: str, key: str, value: Any, _: Call) -> None:
        self.server.sessions.named(uuid).outputs[key] = value

    def _check_leader(self, name: str, user: int, call: Call) -> None:
        group = self.server.accounts.group(name or "")
        maps = [] if group is None else self.records.referring(group, "parent", "GroupExperimenterMap")
        members = [m.references["child"] for m in maps]
        is_member = any(m is not None and m.id == user for m in members)
        if group is None or group.id not in call.leads or not is_member:
            message = f"{call.user.get('omeName')} may not create sessions for others"
            raise omero.SecurityViolation(None, None, message)

    @staticmethod
    def _copy(session: OpenSession, call: Call) -> Any:
        fetched = Fetched()
        fetched.load(session.user, session.sudoer)
        return Copier(call, fetched).one(session.record)
