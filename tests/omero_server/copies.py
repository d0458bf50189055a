"""Copies of objects for clients: only what a query fetched is loaded, as from OMERO."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import omero
import omero.model
from omero.rtypes import rint, rlong

from omero_server.call import Call
from omero_server.records import Record
from omero_server.rights import permissions_for


class Fetched:
    """What a query asked for besides the objects themselves."""

    def __init__(self) -> None:
        self.loaded: set[int] = set()
        self.chosen: dict[tuple[int, str], list[Record]] = {}

    def add(self, holder: Record, name: str, found: Record | None) -> None:
        """Remember that a query fetched what a field of an object holds, or one element of a collection."""
        if name in holder.kind.collections:
            elements = self.chosen.setdefault((id(holder), name), [])
            if found is not None and found not in elements:
                elements.append(found)
        if found is not None:
            self.loaded.add(id(found))

    def load(self, *records: Record | None) -> None:
        """Let copies of these be whole wherever something points at them."""
        self.loaded.update(id(record) for record in records if record is not None)

    def fill(self, holder: Record, name: str, elements: Iterable[Record]) -> list[Record]:
        """Let a collection be loaded with these elements."""
        found = list(elements)
        self.chosen[id(holder), name] = found
        self.load(*found)
        return found


class Copier:
    """Copies objects for one answer; the same object is copied once."""

    def __init__(self, call: Call, fetched: Fetched | None = None) -> None:
        self._call = call
        self._fetched = fetched or Fetched()
        self._made: dict[int, Any] = {}

    def all(self, records: Iterable[Record]) -> list[Any]:
        """Return copies of these."""
        return [self.one(record) for record in records]

    def one(self, record: Record) -> Any:
        """Return a loaded copy."""
        if id(record) in self._made:
            return self._made[id(record)]
        copy = getattr(omero.model, f"{record.kind.name}I")()
        self._made[id(record)] = copy
        copy._id = rlong(record.id)
        if hasattr(copy, "_version"):
            copy._version = rint(record.version)
        for name in record.kind.scalars:
            setattr(copy, f"_{name}", record.scalars.get(name, getattr(copy, f"_{name}")))
        for name in record.kind.references:
            setattr(copy, f"_{name}", self._linked(record.references.get(name)))
        for name in record.kind.collections:
            elements = self._fetched.chosen.get((id(record), name))
            setattr(copy, f"_{name}Seq", [] if elements is None else self.all(elements))
            setattr(copy, f"_{name}Loaded", elements is not None)
        copy._details = details_for(self._call, record, self._linked)
        return copy

    def _linked(self, record: Record | None) -> Any:
        if record is None:
            return None
        return self.one(record) if id(record) in self._fetched.loaded else unloaded(record)


def unloaded(record: Record) -> Any:
    """Return what stands for an object and has nothing but its id."""
    return getattr(omero.model, f"{record.kind.name}I")(record.id, False)


def details_for(call: Call, record: Record, linked: Any = None) -> Any:
    """Return an object's details: whose it is, since when, and what the caller may do with it."""
    show = linked or (lambda found: None if found is None else unloaded(found))
    details = omero.model.DetailsI()
    details._permissions = permissions_for(call, record)
    if not record.kind.is_system:
        records = call.server.records
        details._owner = show(records.find("Experimenter", record.owner))
        details._group = show(records.find("ExperimenterGroup", record.group))
        details._creationEvent = show(record.created)
        details._updateEvent = show(record.updated or record.created)
        details._externalInfo = show(record.external)
    return details


def counts(call: Call, ids: Iterable[int], kind: str, collection: str) -> Mapping[int, int]:
    """Return how many elements a collection of each object has."""
    found = ((i, call.server.records.find(kind, i)) for i in ids)
    return {i: len(call.server.records.collection(r, collection)) for i, r in found if r is not None}
