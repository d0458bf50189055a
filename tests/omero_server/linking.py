"""Which objects may point at which: only within a group, and only if the group's permissions grant it."""

from __future__ import annotations

from typing import NoReturn

import omero

from omero_server import rights
from omero_server.call import Call
from omero_server.records import Record
from omero_server.rights import Right, Role

_SHARED = {rights.SYSTEM_GROUP, rights.USER_GROUP}


def check(call: Call, record: Record) -> None:
    """Refuse what a new or changed object must not point at."""
    if record.kind.is_system or record.group == rights.SYSTEM_GROUP:
        return
    for linked in record.references.values():
        if linked is None or linked.kind.is_system or linked.group in _SHARED or linked is record:
            continue
        if linked.group != record.group:
            raise _mixed(record, linked)
        _check_one(call, record, linked)


def _check_one(call: Call, record: Record, linked: Record) -> None:
    permissions = call.permissions_of(linked.group)
    is_owner = linked.owner == call.user.id
    if not is_owner and rights.is_critical(call, linked.group) and record.owner != linked.owner:
        message = (
            f"Cannot link to {linked}\nCurrent user ({call.user.get('omeName')}) is an admin or the owner "
            f"of\nthe private group ({linked.group}={permissions}). It is not allowed to\nlink to users' data"
        )
        raise omero.ReadOnlyGroupSecurityViolation(None, None, message)
    role = Role.OWNER if is_owner else Role.GROUP if linked.group in call.member_of else Role.WORLD
    is_supervisor = not is_owner and (linked.group in call.leads or _is_strong_admin(call))
    if not is_supervisor and not rights.granted(permissions, role, _needed(record, linked)):
        message = f"Group is {permissions}. Cannot link to object: {linked}"
        raise omero.SecurityViolation(None, None, message)


def _is_strong_admin(call: Call) -> bool:
    return call.is_admin and "WriteOwned" in call.privileges


def _needed(record: Record, linked: Record) -> Right:
    if "RenderingDef" in {record.kind.name, linked.kind.name}:
        return Right.READ
    if linked.kind.name == "Pixels" and record.kind.name == "Thumbnail":
        return Right.READ
    is_annotation = record.kind.name.endswith("AnnotationLink")
    is_roi = record.kind.name == "Roi" and linked.kind.name == "Image"
    return Right.ANNOTATE if is_annotation or is_roi else Right.WRITE


def right_to_create(record: Record) -> Right:
    """Return what a group must grant to everybody so that people outside may make an object in it."""
    return Right.ANNOTATE if record.kind.name.endswith("AnnotationLink") else Right.WRITE


def group_of_linked(record: Record) -> int | None:
    """Return the group of what an object points at, for objects that are made in all groups at once.

    Raises
    ------
    omero.GroupSecurityViolation
        If that is more than one.
    """
    return _group_of_linked(record, set())


def _group_of_linked(record: Record, seen: set[int]) -> int | None:
    seen.add(id(record))
    group: int | None = None
    for linked in record.references.values():
        if linked is None or linked.kind.is_system or id(linked) in seen:
            continue
        is_saved = linked.created is not None
        other = linked.group if is_saved else _group_of_linked(linked, seen)
        if other is None or other in _SHARED:
            continue
        if group is not None and other != group:
            raise _mixed(record, linked)
        group = other
    return group


def refuse_unreadable(call: Call, record: Record) -> NoReturn:
    """Refuse an object that the caller names and does not see in this call's group."""
    is_member = call.is_admin or record.group in call.member_of
    if call.group >= 0 and record.group != call.group and is_member:
        message = f"MIXED GROUP: {record}(group={record.group}) cannot be linked in group {call.group}."
        raise omero.GroupSecurityViolation(None, None, message)
    raise omero.SecurityViolation(None, None, f"Cannot read {record}")


def _mixed(record: Record, linked: Record) -> omero.GroupSecurityViolation:
    message = (
        f"MIXED GROUP: {record}(group={record.group}) and {linked}(group={linked.group}) cannot be linked."
    )
    return omero.GroupSecurityViolation(None, None, message)
