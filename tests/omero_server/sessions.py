"""Sessions: opened with a password or by who may, joined by their names, ended by hand or by waiting."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import omero
from omero.rtypes import rlong, rstring, rtime

from omero_server import rights
from omero_server.call import Call
from omero_server.records import Record

if TYPE_CHECKING:
    from omero_server.server import Server


@dataclass(eq=False, slots=True)
class OpenSession:
    """A session that somebody may use now. None outlives the server.

    Parameters
    ----------
    group
        The group of calls that do not say theirs.
    is_bound
        Whether calls must not say another: so for sessions that a group's leader opened for a member.
    idle_s, live_s
        After how long without a call, or at all, it ends; 0 for never.
    services
        The identities of its servants.
    """

    record: Record
    user: Record
    group: int
    idle_s: float
    live_s: float
    sudoer: Record | None = None
    is_bound: bool = False
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    services: set[Any] = field(default_factory=set)
    references: int = 0

    @property
    def is_over(self) -> bool:
        now = time.monotonic()
        is_idle = self.idle_s > 0 and now - self.used > self.idle_s
        return is_idle or (self.live_s > 0 and now - self.started > self.live_s)


class Sessions:
    """The open sessions."""

    def __init__(self, server: Server, *, idle_s: float) -> None:
        self._server = server
        self.idle_s = idle_s
        self._open: dict[str, OpenSession] = {}

    def open(
        self,
        user: Record,
        *,
        group: str | int | None = None,
        sudoer: Record | None = None,
        idle_s: float | None = None,
        live_s: float = 0,
        agent: str = "",
        is_bound: bool = False,
    ) -> OpenSession:
        """Open a session in a group, or in the user's default one.

        Raises
        ------
        omero.SecurityViolation
            If the user is not in that group.
        """
        own = self._server.accounts.groups_of(user)
        chosen = self._number(group) if group not in {None, "", "user"} else own[0]
        if chosen >= 0 and chosen not in own and rights.SYSTEM_GROUP not in own:
            message = f"User {user.id} is not a member of group {group} and cannot login"
            raise omero.SecurityViolation(None, None, message)
        record = self._server.records.new("Session")
        session = OpenSession(
            record,
            user,
            chosen,
            idle_s=self.idle_s if idle_s is None else idle_s,
            live_s=live_s,
            sudoer=sudoer,
            is_bound=is_bound,
        )
        record.references = {"owner": user, "sudoer": sudoer}
        record.scalars = {
            "uuid": rstring(session.uuid),
            "started": rtime(int(time.time() * 1000)),
            "timeToIdle": rlong(int(session.idle_s * 1000)),
            "timeToLive": rlong(int(live_s * 1000)),
            "userAgent": rstring(agent),
            "defaultEventType": rstring("User"),
            "message": rstring(""),
        }
        self._server.records.put(record)
        self._server.records.commit()
        self._open[session.uuid] = session
        return session

    def named(self, name: str) -> OpenSession:
        """Return an open session.

        Raises
        ------
        omero.SessionTimeoutException
            If it was not used for too long.
        omero.RemovedSessionException
            If there is none of that name.
        """
        session = self._open.get(name)
        if session is None:
            raise omero.RemovedSessionException(None, None, f"No session with uuid: {name}")
        if session.is_over:
            self.close(session)
            raise omero.SessionTimeoutException(None, None, f"Session {name} has timed out")
        return session

    def knows(self, name: str) -> bool:
        """Say whether there is an open session of that name."""
        session = self._open.get(name)
        return session is not None and not session.is_over

    def release(self, session: OpenSession) -> int:
        """Take back one of the references that opening and joining gave; it ends with the last one."""
        session.references -= 1
        if session.references <= 0:
            self.close(session)
        return max(session.references, 0)

    def of_user(self, user: Record) -> list[OpenSession]:
        """Return somebody's open sessions."""
        return [s for s in self._open.values() if s.user is user and not s.is_over]

    def close(self, session: OpenSession) -> None:
        """End a session: nothing of it answers any more."""
        if self._open.pop(session.uuid, None) is not None:
            session.record.scalars["closed"] = rtime(int(time.time() * 1000))
            self._server.records.put(session.record)
            self._server.records.commit()
            for identity in list(session.services):
                self._server.forget(identity)

    def call(self, session: OpenSession, current: Any) -> Call:
        """Return a call that is made in a session; whether its group is the caller's, see `check_group`."""
        self.named(session.uuid)
        session.used = time.monotonic()
        accounts = self._server.accounts
        said = current.ctx.get("omero.group", "") if current is not None else ""
        group = self._number(said) if said else session.group
        own = accounts.groups_of(session.user)
        privileges = accounts.privileges_of(session.user)
        if session.sudoer is not None:
            privileges &= accounts.privileges_of(session.sudoer)
        led = accounts.led_by(session.user)
        return Call(self._server, session, session.user, group, own, led, privileges, current)

    def check_group(self, call: Call) -> None:
        """Refuse a call in a group that the caller is not in.

        Raises
        ------
        omero.SecurityViolation
            If it is.
        """
        session, group = call.session, call.group
        if session.is_bound and group != session.group:
            raise omero.SecurityViolation(None, None, "Group-sudo session cannot change context!")
        if group >= 0 and group not in call.member_of and not call.is_admin:
            is_open = rights.granted(call.permissions_of(group), rights.Role.WORLD, rights.Right.READ)
            if not is_open:
                message = f"User {session.user.id} is not a member of group {group} and cannot login"
                raise omero.SecurityViolation(None, None, message)

    def _number(self, group: str | int | None) -> int:
        text = str(group)
        if text.lstrip("-").isdigit():
            number = int(text)
            if number < 0 or self._server.records.find("ExperimenterGroup", number) is not None:
                return number
        found = self._server.accounts.group(text)
        if found is None:
            raise omero.ApiUsageException(None, None, f"No group: {text}")
        return found.id
