"""``IAdmin``: users, groups, and who may do what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import omero
import omero.model
import omero.sys
from omero.rtypes import rstring, unwrap

from omero_server import accounts, rights, schema
from omero_server.call import Call
from omero_server.copies import Copier, Fetched
from omero_server.dispatch import Service
from omero_server.records import Record


class Admin(Service):
    """`omero.api.IAdmin`."""

    def getEventContext(self, call: Call) -> Any:
        return call.context()

    def getSecurityRoles(self, _: Call) -> Any:
        return omero.sys.Roles(
            rootId=accounts.ROOT,
            rootName="root",
            systemGroupId=rights.SYSTEM_GROUP,
            systemGroupName="system",
            userGroupId=rights.USER_GROUP,
            userGroupName="user",
            guestId=accounts.GUEST,
            guestName="guest",
            guestGroupId=accounts.GUEST_GROUP,
            guestGroupName="guest",
        )

    def canUpdate(self, thing: Any, call: Call) -> bool:
        record = self.records.find(schema.class_name(thing), thing.id.val)
        if record is None:
            raise omero.ValidationException(None, None, "no such object")
        return rights.may(call, record, rights.Scope.EDIT)

    def getCurrentAdminPrivileges(self, call: Call) -> list[Any]:
        return self._privileges(call.privileges, call)

    def getAdminPrivileges(self, user: Any, call: Call) -> list[Any]:
        return self._privileges(self.server.accounts.privileges_of(self._user(user.id.val)), call)

    def setAdminPrivileges(self, user: Any, privileges: list[Any], call: Call) -> None:
        self._need(call, "ModifyUser")
        wanted = [unwrap(p.value) for p in privileges]
        if not set(wanted) <= call.privileges:
            raise omero.SecurityViolation(None, None, "you do not have all of these privileges yourself")
        self.server.accounts.restrict(self._user(user.id.val), wanted)

    def getExperimenter(self, number: int, call: Call) -> Any:
        return self._with_maps([self._user(number)], call, "parent")[0]

    def lookupExperimenter(self, name: str, call: Call) -> Any:
        user = self.server.accounts.user(name)
        if user is None:
            raise omero.ApiUsageException(None, None, f"No such experimenter: {name}")
        return self._with_maps([user], call, "parent")[0]

    def lookupExperimenters(self, call: Call) -> list[Any]:
        return self._with_maps(self.records.all("Experimenter"), call, "parent")

    def containedExperimenters(self, number: int, call: Call) -> list[Any]:
        maps = self.records.referring(self._group(number), "parent", "GroupExperimenterMap")
        return self._with_maps(_found(m.references["child"] for m in maps), call, "parent")

    def getGroup(self, number: int, call: Call) -> Any:
        return self._with_maps([self._group(number)], call, "child")[0]

    def lookupGroup(self, name: str, call: Call) -> Any:
        group = self.server.accounts.group(name)
        if group is None:
            raise omero.ApiUsageException(None, None, f"No such group: {name}")
        return self._with_maps([group], call, "child")[0]

    def lookupGroups(self, call: Call) -> list[Any]:
        return self._with_maps(self.records.all("ExperimenterGroup"), call, "child")

    def containedGroups(self, number: int, call: Call) -> list[Any]:
        groups = self.server.accounts.groups_of(self._user(number))
        return self._with_maps([self._group(group) for group in groups], call, "child")

    def getDefaultGroup(self, number: int, call: Call) -> Any:
        return Copier(call).one(self._group(self.server.accounts.groups_of(self._user(number))[0]))

    def getMemberOfGroupIds(self, user: Any, _: Call) -> list[int]:
        return self.server.accounts.groups_of(self._user(user.id.val))

    def getLeaderOfGroupIds(self, user: Any, _: Call) -> list[int]:
        return self.server.accounts.led_by(self._user(user.id.val))

    def createGroup(self, thing: Any, call: Call) -> int:
        self._need(call, "ModifyGroup")
        said = thing._details.permissions if thing._details is not None else None
        permissions = "rw----" if said is None else str(said)
        group = self.server.accounts.add_group(thing.name.val, permissions)
        group.scalars["description"] = thing.description
        return group.id

    def createUser(self, thing: Any, group: str, call: Call) -> int:
        found = self.server.accounts.group(group)
        if found is None:
            raise omero.ApiUsageException(None, None, f"No such group: {group}")
        return self._create(thing, [found.id], call)

    def createExperimenter(self, thing: Any, group: Any, others: list[Any], call: Call) -> int:
        return self._create(thing, [group.id.val, *(g.id.val for g in others)], call)

    def createExperimenterWithPassword(
        self, thing: Any, password: Any, group: Any, others: list[Any], call: Call
    ) -> int:
        number = self.createExperimenter(thing, group, others, call)
        self.records.set_password(number, password.val)
        return number

    def createSystemUser(self, thing: Any, call: Call) -> int:
        return self._create(thing, [rights.SYSTEM_GROUP], call)

    def createRestrictedSystemUserWithPassword(
        self, thing: Any, privileges: list[Any], password: Any, call: Call
    ) -> int:
        number = self.createSystemUser(thing, call)
        self.records.set_password(number, password.val)
        self.setAdminPrivileges(omero.model.ExperimenterI(number, False), privileges, call)
        return number

    def addGroups(self, user: Any, groups: list[Any], call: Call) -> None:
        for group in groups:
            self._need_group(call, group.id.val)
            self.server.accounts.add_member(group.id.val, user.id.val)

    def removeGroups(self, user: Any, groups: list[Any], call: Call) -> None:
        for group in groups:
            self._need_group(call, group.id.val)
            self.server.accounts.remove_member(group.id.val, user.id.val)

    def setGroupOwner(self, group: Any, user: Any, call: Call) -> None:
        self._need_group(call, group.id.val)
        self.server.accounts.add_member(group.id.val, user.id.val, leads=True)

    def unsetGroupOwner(self, group: Any, user: Any, call: Call) -> None:
        self._need_group(call, group.id.val)
        self.server.accounts.add_member(group.id.val, user.id.val)

    def setDefaultGroup(self, user: Any, group: Any, call: Call) -> None:
        if user.id.val != call.user.id:
            self._need(call, "ModifyUser")
        self.server.accounts.make_default(self._user(user.id.val), group.id.val)

    def changeUserPassword(self, name: str, password: Any, call: Call) -> None:
        self._need(call, "ModifyUser")
        user = self.server.accounts.user(name)
        if user is not None:
            self.records.set_password(user.id, password.val)

    def changePermissions(self, thing: Any, permissions: Any, call: Call) -> None:
        group = self._group(thing.id.val)
        if group.id not in call.leads:
            self._need(call, "ModifyGroup")
        group.scalars["#permissions"] = str(permissions)
        self.records.put(group)

    def _create(self, thing: Any, groups: list[int], call: Call) -> int:
        self._need(call, "ModifyUser")
        names = (thing.omeName.val, thing.firstName.val, thing.lastName.val)
        return self.server.accounts.add_user(*names, groups, email=thing.email or rstring("")).id

    @staticmethod
    def _need(call: Call, privilege: str) -> None:
        if privilege not in call.privileges:
            raise omero.SecurityViolation(None, None, f"this needs the privilege {privilege}")

    def _need_group(self, call: Call, group: int) -> None:
        if group not in call.leads:
            self._need(call, "ModifyGroupMembership")

    def _user(self, number: int) -> Record:
        return self._there("Experimenter", number)

    def _group(self, number: int) -> Record:
        return self._there("ExperimenterGroup", number)

    def _there(self, name: str, number: int) -> Record:
        found = self.records.find(name, number)
        if found is None:
            raise omero.ApiUsageException(None, None, f"No such {name}: {number}")
        return found

    def _privileges(self, names: Iterable[str], call: Call) -> list[Any]:
        return Copier(call).all(self.server.enumeration("AdminPrivilege", n) for n in sorted(names))

    def _with_maps(self, records: Iterable[Record], call: Call, other: str) -> list[Any]:
        fetched, listed = Fetched(), list(records)
        for record in listed:
            maps = fetched.fill(
                record, "groupExperimenterMap", self.records.collection(record, "groupExperimenterMap")
            )
            fetched.load(*(m.references[other] for m in maps))
        return Copier(call, fetched).all(listed)


def _found(records: Iterable[Record | None]) -> list[Record]:
    return [record for record in records if record is not None]
