"""Saving graphs of objects as clients send them, and refusing what OMERO refuses."""

from __future__ import annotations

from typing import Any

import omero
from omero.rtypes import rint, rlong

from omero_server import linking, rights, schema, values
from omero_server.call import Call
from omero_server.copies import details_for
from omero_server.records import Record


class Saving:
    """One call that saves. Nothing is kept unless all of it may be."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._records = call.server.records
        self._done: dict[int, tuple[Any, Record]] = {}
        self._new: list[tuple[Record, Any]] = []
        self._changed: list[Record] = []

    def save(self, things: list[Any]) -> list[Record]:
        """Save objects with all that they hold; their ids and details are filled in."""
        saved = [self._save(thing) for thing in things]
        for record, thing in self._new:
            self._settle(record, thing)
        for record in self._changed:
            self._check_change(record)
        for record in [*(r for r, _ in self._new), *self._changed]:
            linking.check(self._call, record)
            _check_required(record)
            self._check_unique(record)
            record.updated = self._call.writing()
            record.version += 1
            self._records.put(record)
        for thing, record in self._done.values():
            if thing.isLoaded():
                thing._id = rlong(record.id)
                thing._details = details_for(self._call, record)
                if hasattr(thing, "_version"):
                    thing._version = rint(record.version)
        return saved

    def _save(self, thing: Any) -> Record:
        if id(thing) in self._done:
            return self._done[id(thing)][1]
        name = schema.class_name(thing)
        number = None if thing.id is None else thing.id.val
        if number is None and schema.kind(name).is_enumeration:
            known = self._known_enumeration(thing, name)
            if known is not None:
                self._done[id(thing)] = (thing, known)
                return known
        record = self._records.new(name) if number is None else self._existing(name, number)
        self._done[id(thing)] = (thing, record)
        if number is None and not thing.isLoaded():
            raise omero.ValidationException(None, None, f"{name} has no id and is not loaded")
        if thing.isLoaded():
            self._fill(record, thing, is_new=number is None)
        return record

    def _known_enumeration(self, thing: Any, name: str) -> Record | None:
        """Return the value of an enumeration that a client means, who need not know its id."""
        value = values.plain(getattr(thing, "_value", None))
        return next((r for r in self._records.all(name) if r.get("value") == value), None)

    def _fill(self, record: Record, thing: Any, *, is_new: bool) -> None:
        if is_new:
            self._new.append((record, thing))
        references: dict[str, Record | None] = {}
        for name in record.kind.references:
            target = getattr(thing, f"_{name}")
            references[name] = None if target is None else self._save(target)
        scalars = {name: getattr(thing, f"_{name}") for name in record.kind.scalars}
        hidden = {name: value for name, value in record.scalars.items() if name.startswith("#")}
        if is_new:
            record.scalars, record.references = scalars, references
            self._records.put(record)
        elif references != {n: record.references.get(n) for n in references} or _differ(scalars, record):
            self._check_fresh(record, thing)
            record.scalars, record.references = {**scalars, **hidden}, references
            self._records.put(record)
            self._changed.append(record)
        for name in record.kind.collections:
            if getattr(thing, f"_{name}Loaded"):
                self._fill_collection(record, thing, name)

    def _fill_collection(self, record: Record, thing: Any, name: str) -> None:
        attribute = schema.back_reference(record.kind.name, name)
        for element in getattr(thing, f"_{name}Seq"):
            if element is None:
                continue
            if attribute and element.isLoaded() and getattr(element, f"_{attribute}") is None:
                setattr(element, f"_{attribute}", thing)
            self._save(element)

    def _existing(self, name: str, number: int) -> Record:
        record = self._records.find(name, number)
        if record is None:
            raise omero.ValidationException(None, None, f"No row with the given identifier: {name}#{number}")
        if not rights.can_read(self._call, record):
            linking.refuse_unreadable(self._call, record)
        return record

    def _settle(self, record: Record, thing: Any) -> None:
        """Give a new object its owner and group."""
        call = self._call
        privilege = rights.creator_privilege(record)
        is_privileged = call.is_admin and (record.kind.is_system or privilege in call.privileges)
        if record.kind.is_system and not (is_privileged and privilege in call.privileges):
            message = f"{record} is a System-type, and may be created only through privileged APIs."
            raise omero.SecurityViolation(None, None, message)
        if record.kind.name == "OriginalFile" and record.get("repo") is not None:
            raise omero.SecurityViolation(None, None, f"cannot set repo property of {record} via ORM")
        said = thing._details
        owner = None if said is None or said.owner is None else said.owner.id.val
        group = None if said is None or said.group is None else said.group.id.val
        if owner not in {None, call.user.id} and not is_privileged:
            message = f"You are not authorized to set the Experimenter for {record} to {owner}"
            raise omero.SecurityViolation(None, None, message)
        record.owner = call.user.id if owner is None else owner
        record.group = self._group_for(record, group, is_privileged=is_privileged)
        record.created = call.writing()
        if said is not None and said.externalInfo is not None:
            record.external = self._save(said.externalInfo)

    def _group_for(self, record: Record, said: int | None, *, is_privileged: bool) -> int:
        call = self._call
        if said is not None:
            is_common = said == rights.USER_GROUP and is_privileged
            is_own = call.group < 0 and (is_privileged or said in call.member_of)
            if said == call.group or is_common or is_own:
                return said
            message = f"You are not authorized to set the ExperimenterGroup for {record} to {said}"
            raise omero.SecurityViolation(None, None, message)
        group = call.group if call.group >= 0 else linking.group_of_linked(record)
        if record.kind.is_system:
            return rights.USER_GROUP
        is_member = group in call.member_of or (is_privileged and group is not None)
        if group is not None and is_member:
            return group
        if group is not None and rights.granted(
            call.permissions_of(group), rights.Role.WORLD, linking.right_to_create(record)
        ):
            return group
        raise omero.SecurityViolation(None, None, f"You are not authorized to create {record}")

    def _check_change(self, record: Record) -> None:
        if not rights.may(self._call, record, rights.Scope.EDIT):
            raise omero.SecurityViolation(None, None, f"Updating {record} not allowed.")
        is_shared = record.kind.is_system or record.group == rights.USER_GROUP
        if not is_shared and record.group != self._call.group:
            message = (
                f"Currently logged into group {self._call.group}. Cannot alter object in group {record.group}"
            )
            raise omero.SecurityViolation(None, None, message)

    def _check_fresh(self, record: Record, thing: Any) -> None:
        said = thing._details
        event = None if said is None else said.updateEvent
        if event is not None and record.updated is not None and event.id.val != record.updated.id:
            message = f"{record} was changed by somebody else; you may need to reload it"
            raise omero.OptimisticLockException(None, None, message, 0)

    def _check_unique(self, record: Record) -> None:
        parent, child = record.references.get("parent"), record.references.get("child")
        if not record.kind.is_link or parent is None or child is None:
            return
        for other in self._records.referring(parent, "parent", record.kind.name):
            is_same = other.references["child"] is child and other.owner == record.owner
            if other is not record and is_same:
                message = f"duplicate key value violates unique constraint: {record.kind.name}"
                raise omero.ValidationException(None, None, message)


def _differ(scalars: dict[str, Any], record: Record) -> bool:
    return any(values.encode(v) != values.encode(record.scalars.get(name)) for name, v in scalars.items())


def _check_required(record: Record) -> None:
    for name in record.kind.required:
        if name in record.scalars:
            missing = record.scalars[name] is None
        else:
            missing = record.references.get(name) is None
        if missing:
            message = f"not-null property references a null or transient value: {record.kind.name}.{name}"
            raise omero.ValidationException(None, None, message)
