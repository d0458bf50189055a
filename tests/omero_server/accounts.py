"""Users and groups: who belongs to what, who leads it, and which privileges administrators have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import omero
from omero.rtypes import rbool, rstring

from omero_server.records import Record, Records
from omero_server.rights import ALL_PRIVILEGES, SYSTEM_GROUP, USER_GROUP

ROOT, GUEST = 0, 1
GUEST_GROUP = 2
GROUPS = {
    SYSTEM_GROUP: ("system", "rw----"),
    USER_GROUP: ("user", "rwr-r-"),
    GUEST_GROUP: ("guest", "rw----"),
}


class Accounts:
    """Users and groups among all objects."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def make_first(self, password: str) -> None:
        """Make what every OMERO server begins with."""
        for number, (name, permissions) in GROUPS.items():
            self._put_group(self._records.new("ExperimenterGroup", number), name, permissions)
        self._put_user(self._records.new("Experimenter", ROOT), "root", "root", "root")
        self._put_user(self._records.new("Experimenter", GUEST), "guest", "Guest", "Account")
        self.add_member(SYSTEM_GROUP, ROOT)
        self.add_member(USER_GROUP, ROOT)
        self.add_member(GUEST_GROUP, GUEST)
        self._records.set_password(ROOT, password)

    def user(self, name: str) -> Record | None:
        """Return a user by login name."""
        return next((u for u in self._records.all("Experimenter") if u.get("omeName") == name), None)

    def group(self, name: str) -> Record | None:
        """Return a group by name."""
        return next((g for g in self._records.all("ExperimenterGroup") if g.get("name") == name), None)

    def groups_of(self, user: Record) -> list[int]:
        """Return the groups of a user, the default one first."""
        found = [m.references["parent"] for m in self._maps(user)]
        numbers = [g.id for g in found if g is not None]
        default = user.scalars.get("#default_group")
        return sorted(
            numbers, key=lambda g: (g != default, g in {USER_GROUP, SYSTEM_GROUP}, numbers.index(g))
        )

    def led_by(self, user: Record) -> list[int]:
        """Return the groups that a user leads."""
        groups = [m.references["parent"] for m in self._maps(user) if m.get("owner")]
        return [g.id for g in groups if g is not None]

    def privileges_of(self, user: Record) -> frozenset[str]:
        """Return what an administrator may do; nothing for others."""
        if SYSTEM_GROUP not in self.groups_of(user):
            return frozenset()
        return frozenset(user.scalars.get("#privileges", ALL_PRIVILEGES))

    def add_user(self, name: str, first: str, last: str, groups: Iterable[int], **others: Any) -> Record:
        """Make a user in some groups, the default one first, and in ``user``."""
        if self.user(name) is not None:
            raise omero.ValidationException(None, None, f"there is a user {name}")
        user = self._put_user(self._records.new("Experimenter"), name, first, last)
        user.scalars.update(others)
        for group in dict.fromkeys([*groups, USER_GROUP]):
            self.add_member(group, user.id)
        return user

    def add_group(self, name: str, permissions: str) -> Record:
        """Make a group."""
        if self.group(name) is not None:
            raise omero.ValidationException(None, None, f"there is a group {name}")
        return self._put_group(self._records.new("ExperimenterGroup"), name, permissions)

    def add_member(self, group: int, user: int, *, leads: bool = False) -> Record:
        """Let a user be in a group; say whether as its leader."""
        parent = self._records.find("ExperimenterGroup", group)
        child = self._records.find("Experimenter", user)
        if parent is None or child is None:
            raise omero.ApiUsageException(None, None, f"no group {group} or no user {user}")
        found = [m for m in self._maps(child) if m.references["parent"] is parent]
        membership = found[0] if found else self._records.new("GroupExperimenterMap")
        membership.references = {"parent": parent, "child": child}
        membership.scalars["owner"] = rbool(leads)
        self._records.put(membership)
        return membership

    def remove_member(self, group: int, user: int) -> None:
        """Let a user be in a group no more."""
        child = self._records.find("Experimenter", user)
        for membership in self._maps(child) if child is not None else ():
            parent = membership.references["parent"]
            if parent is not None and parent.id == group:
                self._records.remove(membership)

    def restrict(self, user: Record, privileges: list[str]) -> None:
        """Let an administrator have these privileges only."""
        user.scalars["#privileges"] = sorted(privileges)
        self._records.put(user)

    def make_default(self, user: Record, group: int) -> None:
        """Let a group be the one that a user's sessions begin in."""
        user.scalars["#default_group"] = group
        self._records.put(user)

    def _maps(self, user: Record) -> list[Record]:
        return self._records.referring(user, "child", "GroupExperimenterMap")

    def _put_user(self, user: Record, name: str, first: str, last: str) -> Record:
        user.scalars = {
            "omeName": rstring(name),
            "firstName": rstring(first),
            "lastName": rstring(last),
            "ldap": rbool(False),
        }
        self._records.put(user)
        return user

    def _put_group(self, group: Record, name: str, permissions: str) -> Record:
        group.scalars = {
            "name": rstring(name),
            "ldap": rbool(False),
            "#permissions": permissions,
        }
        self._records.put(group)
        return group
