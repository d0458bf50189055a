"""What somebody may do with an object: OMERO's rules of groups, leaders and (restricted) administrators."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import TYPE_CHECKING

import omero
import omero.model

if TYPE_CHECKING:
    from omero_server.call import Call
    from omero_server.records import Record

SYSTEM_GROUP = 0
USER_GROUP = 1
_PRIVATE = "rw----"


class Role(IntEnum):
    """Whom a part of a group's permissions is about: the place of its letters."""

    OWNER = 0
    GROUP = 2
    WORLD = 4


class Right(Enum):
    """What a letter of a group's permissions grants; writing includes annotating."""

    READ = "r"
    ANNOTATE = "aw"
    WRITE = "w"


class Scope(IntEnum):
    """What is asked; the numbers are the places in OMERO's list of restrictions."""

    LINK = 0
    EDIT = 1
    DELETE = 2
    ANNOTATE = 3


def granted(permissions: str, role: Role, right: Right) -> bool:
    """Say whether a group's permissions, such as ``rwra--``, grant a right."""
    pair = permissions[role : role + 2]
    return (pair[0] == "r") if right is Right.READ else (pair[1] in right.value)


def is_private(permissions: str) -> bool:
    """Say whether only owners see their data."""
    return not granted(permissions, Role.GROUP, Right.READ) and not granted(
        permissions, Role.WORLD, Right.READ
    )


def can_read(call: Call, record: Record) -> bool:
    """Say whether the caller sees an object, in the group that the call is made in (all groups: ``-1``)."""
    if record.kind.name == "Session":
        return call.is_admin or record.references.get("owner") is call.user
    if record.kind.is_system or record.group in {SYSTEM_GROUP, USER_GROUP}:
        return True
    permissions = call.permissions_of(record.group)
    if call.group >= 0:
        if record.group != call.group:
            return False
        is_open = not is_private(permissions)
        return is_open or call.is_admin or record.group in call.leads or record.owner == call.user.id
    if call.is_admin or record.group in call.leads or granted(permissions, Role.WORLD, Right.READ):
        return True
    if record.owner == call.user.id and granted(permissions, Role.OWNER, Right.READ):
        return True
    return record.group in call.member_of and granted(permissions, Role.GROUP, Right.READ)


def may(call: Call, record: Record, scope: Scope) -> bool:
    """Say whether the caller may do something with an object that exists."""
    is_linkage = scope in {Scope.LINK, Scope.ANNOTATE}
    is_shared = record.kind.is_system or record.group == USER_GROUP
    if not is_shared and is_linkage and record.owner != call.user.id and is_critical(call, record.group):
        return False
    if call.is_full_admin or _has_privilege(call, record, scope):
        return True
    if record.kind.is_system:
        return is_linkage
    if record.group in call.leads:
        return True
    right = Right.ANNOTATE if scope is Scope.ANNOTATE else Right.WRITE
    permissions = _PRIVATE if record.group == USER_GROUP else call.permissions_of(record.group)
    return (
        granted(permissions, Role.WORLD, right)
        or (record.owner == call.user.id and granted(permissions, Role.OWNER, right))
        or (record.group in call.member_of and granted(permissions, Role.GROUP, right))
        or (is_linkage and record.group in {SYSTEM_GROUP, USER_GROUP})
    )


def is_critical(call: Call, group: int) -> bool:
    """Say whether links to others' data would be hidden from them: for who sees more in private groups."""
    return is_private(call.permissions_of(group)) and (call.is_admin or group in call.leads)


def _has_privilege(call: Call, record: Record, scope: Scope) -> bool:
    verb = "Delete" if scope is Scope.DELETE else "Write"
    name = record.kind.name
    if name in _ADMINISTRATION:
        return _ADMINISTRATION[name] in call.privileges
    if record.kind.is_system:
        return call.is_admin
    if name == "OriginalFile":
        repository = record.get("repo")
        return f"{verb}{'ManagedRepo' if repository else 'File'}" in call.privileges
    return f"{verb}Owned" in call.privileges


_ADMINISTRATION = {
    "Experimenter": "ModifyUser",
    "ExperimenterGroup": "ModifyGroup",
    "GroupExperimenterMap": "ModifyGroupMembership",
}
ALL_PRIVILEGES = frozenset(
    {
        "Chgrp",
        "Chown",
        "DeleteFile",
        "DeleteManagedRepo",
        "DeleteOwned",
        "DeleteScriptRepo",
        "ModifyGroup",
        "ModifyGroupMembership",
        "ModifyUser",
        "ReadSession",
        "Sudo",
        "WriteFile",
        "WriteManagedRepo",
        "WriteOwned",
        "WriteScriptRepo",
    }
)


def creator_privilege(record: Record) -> str:
    """Return the privilege that lets an administrator make an object for others, or in others' groups."""
    if record.kind.name == "OriginalFile":
        return "WriteManagedRepo" if record.get("repo") else "WriteFile"
    return _ADMINISTRATION.get(record.kind.name, "WriteOwned")


def permissions_for(call: Call, record: Record) -> omero.model.Permissions:
    """Return the permissions that a copy of an object carries: its group's, and what the caller may do."""
    is_group = record.kind.name == "ExperimenterGroup"
    if is_group:
        text = record.get("#permissions") or _PRIVATE
    elif call.group >= 0:
        text = call.permissions_of(call.group)
    else:
        text = "------" if record.group == USER_GROUP else call.permissions_of(record.group)
    found = omero.model.PermissionsI(text)
    allowed = [may(call, record, scope) for scope in Scope]
    is_owner = record.owner == call.user.id
    allowed += [
        "Chgrp" in call.privileges or is_owner,
        "Chown" in call.privileges or record.group in call.leads,
    ]
    found._restrictions = [not is_allowed for is_allowed in allowed]
    return found
