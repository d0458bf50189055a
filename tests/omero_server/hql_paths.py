"""What the names in a query stand for: objects of a row, their fields, and what these lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import omero
import omero.model

from omero_server import schema, values
from omero_server.call import Call
from omero_server.hql_expressions import Expression, Row
from omero_server.hql_tokens import Tokens
from omero_server.records import Record

InnerRows = Callable[[str, Row], list[tuple[Any, ...]]]
"""Answers a query within another one, for one of its rows."""

_ORDERED = {
    "Channel": ("pixels", "channels"),
    "Pixels": ("image", "pixels"),
    "WellSample": ("well", "wellSamples"),
}
"""Objects that have a place in a list, with what holds the list."""


class Paths:
    """What the names in a query stand for."""

    def __init__(
        self, call: Call, parameters: dict[str, Any], outer: Row, tokens: Tokens, inner_rows: InnerRows
    ) -> None:
        self._call = call
        self._inner_rows = inner_rows
        self._parameters = parameters
        self._outer = outer
        self._tokens = tokens
        self.first = ""

    def parameter(self, name: str) -> Expression:
        """Return a parameter's value; one that is missing is an error as soon as it is looked at."""
        if name not in self._parameters:
            raise self._tokens.error(f"Not all named parameters have been set: [{name}]")
        return lambda _: self._parameters[name]

    def inner(self, text: str) -> Expression:
        """Return the rows of a query within this one."""

        def rows(row: Row) -> list[Any]:
            found = self._inner_rows(text, {**self._outer, **row})
            return [one[0] if len(one) == 1 else one for one in found]

        return rows

    def read(self, text: str) -> Expression:
        """Return what a path, such as ``image.details.owner.id``, leads to."""
        first, *rest = text.split(".")
        if not rest and schema.known(first):
            return lambda row: row.get(first, first)  # ``a.class = MapAnnotation``

        def follow(row: Row) -> Any:
            if first in row:
                found, names = row[first], rest
            elif first in self._outer:
                found, names = self._outer[first], rest
            else:
                found, names = row[self.first], [first, *rest]
            for name in names:
                if isinstance(found, list):
                    found = [self._attribute(one, name) for one in found]
                else:
                    found = self._attribute(found, name)
            return found

        return follow

    def position(self, record: Record) -> int:
        """Return at which place of its owner's collection an object is."""
        if record.kind.name not in _ORDERED:
            return 0
        reference, collection = _ORDERED[record.kind.name]
        owner = record.references.get(reference)
        found = [] if owner is None else self._call.server.records.collection(owner, collection)
        return found.index(record)

    def _attribute(self, found: Any, name: str) -> Any:
        if isinstance(found, _Details):
            return found.get(name)
        if isinstance(found, omero.model.NamedValue):
            return getattr(found, name)
        # else the value of a length or of an enumeration, which was read already
        return self._field(found, name) if isinstance(found, Record) else found

    def _field(self, record: Record, name: str) -> Any:
        kind = record.kind
        if name in _OF_ALL:
            return _OF_ALL[name](record)
        if name == "details":
            return _Details(self._call, record)
        if name in kind.references:
            return record.references.get(name)
        if name in kind.collections:
            return self._call.server.records.collection(record, name)
        is_elsewhere = any(name in _fields(other) for other in schema.siblings(kind.name))
        if name not in kind.scalars and not is_elsewhere:
            raise self._tokens.error(f"could not resolve property: {name} of: {kind.name}")
        return values.plain(record.scalars.get(name))  # none if it is of another class in the same table


_OF_ALL: dict[str, Callable[[Record], Any]] = {
    "id": lambda record: record.id,
    "version": lambda record: record.version,
    "class": lambda record: record.kind.name,
}


@dataclass(frozen=True, slots=True)
class _Details:
    call: Call
    record: Record

    def get(self, name: str) -> Any:
        records = self.call.server.records
        if self.record.kind.is_system:
            return None
        return {
            "owner": records.find("Experimenter", self.record.owner),
            "group": records.find("ExperimenterGroup", self.record.group),
            "creationEvent": self.record.created,
            "updateEvent": self.record.updated or self.record.created,
            "externalInfo": self.record.external,
        }.get(name)


def _fields(name: str) -> Iterable[str]:
    kind = schema.kind(name)
    return (*kind.scalars, *kind.references, *kind.collections)
