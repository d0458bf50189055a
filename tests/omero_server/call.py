"""A remote call: by whom, in which group, with which rights."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import omero
import omero.sys
from omero.rtypes import rlong, rstring, rtime

from omero_server import rights
from omero_server.records import Record

if TYPE_CHECKING:
    from omero_server.server import Server
    from omero_server.sessions import OpenSession


@dataclass(slots=True)
class Call:
    """A call.

    Parameters
    ----------
    group
        The group that it is made in; ``-1`` for all of the caller's.
    current
        What Ice says of it.
    """

    server: Server
    session: OpenSession
    user: Record
    group: int
    member_of: list[int]
    leads: list[int]
    privileges: frozenset[str]
    current: Any
    event: Record | None = None

    @property
    def is_admin(self) -> bool:
        return rights.SYSTEM_GROUP in self.member_of

    @property
    def is_full_admin(self) -> bool:
        return self.privileges == rights.ALL_PRIVILEGES

    def permissions_of(self, group: int) -> str:
        """Return a group's permissions, such as ``rwra--``."""
        found = self.server.records.find("ExperimenterGroup", group)
        return str(found.scalars["#permissions"]) if found is not None else "------"

    def writing(self) -> Record:
        """Return the event of this call, which objects that it makes or changes point at."""
        if self.event is None:
            records = self.server.records
            self.event = records.new("Event")
            self.event.scalars = {"time": rtime(int(time.time() * 1000)), "status": rstring("")}
            self.event.references = {
                "type": self.server.enumeration("EventType", "User"),
                "experimenter": self.user,
                "experimenterGroup": records.find("ExperimenterGroup", self.writing_group),
                "session": self.session.record,
            }
            records.put(self.event)
        return self.event

    @property
    def writing_group(self) -> int:
        """The group that new objects get if nothing else says one."""
        if self.group >= 0:
            return self.group
        own = [group for group in self.member_of if group != rights.USER_GROUP]
        return own[0] if own else rights.USER_GROUP

    def context(self) -> Any:
        """Return what ``getEventContext`` answers."""
        group = self.server.records.find("ExperimenterGroup", max(self.group, -1))
        sudoer = self.session.sudoer
        return omero.sys.EventContext(
            shareId=-1,
            sessionId=self.session.record.id,
            sessionUuid=self.session.uuid,
            userId=self.user.id,
            userName=self.user.get("omeName"),
            sudoerId=None if sudoer is None else rlong(sudoer.id),
            sudoerName=None if sudoer is None else rstring(sudoer.get("omeName")),
            groupId=self.group,
            groupName="" if group is None else group.get("name"),
            isAdmin=self.is_admin,
            adminPrivileges=sorted(self.privileges),
            eventId=-1 if self.event is None else self.event.id,
            eventType="User",
            memberOfGroups=self.member_of,
            leaderOfGroups=self.leads,
            groupPermissions=omero.model.PermissionsI(
                self.permissions_of(self.group) if self.group >= 0 else "------"
            ),
        )
