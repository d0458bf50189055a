"""What goes with an object that is deleted or moved: what belongs to it, and what nothing else would hold."""

from __future__ import annotations

from collections.abc import Iterable

from omero_server import rights, schema
from omero_server.call import Call
from omero_server.records import Record

_OWNED = {("Roi", "image"), ("Image", "fileset")}
"""Objects that go with what they point at, though they need not point at it."""
_FORWARD = {
    "Channel": ("logicalChannel", "statsInfo"),
    "WellSample": ("image",),
    "FileAnnotation": ("file",),
    "FilesetEntry": ("originalFile",),
}
"""What such an object points at goes with it, unless something else points at it, too."""


class SplitError(Exception):
    """Some of the images of a fileset would go, and others stay."""


class Graph:
    """The objects that go with some targets.

    Parameters
    ----------
    kept
        Classes whose objects stay even where nothing else would hold them.
    """

    def __init__(self, call: Call, targets: Iterable[Record], *, kept: Iterable[str] = ()) -> None:
        self._call = call
        self._records = call.server.records
        self._kept = set(kept)
        self.going: dict[tuple[str, int], Record] = {}
        self._waiting = list(targets)
        while self._waiting:
            self._add(self._waiting.pop())
            if not self._waiting:
                self._add_filesets()

    def _add(self, record: Record) -> None:
        if record.key in self.going:
            return
        self.going[record.key] = record
        for attribute, other in self._records.all_referring(record):
            if attribute in other.kind.required or (other.kind.name, attribute) in _OWNED:
                self._waiting.append(other)
        if record.kind.is_link and record.references["parent"] is not None:
            parent, child = record.references["parent"], record.references["child"]
            if parent.key in self.going and child is not None:
                self._add_if_orphan(child)
        for name in _FORWARD.get(record.kind.name, ()):
            target = record.references.get(name)
            if target is not None:
                self._add_if_orphan(target)

    def _add_if_orphan(self, record: Record) -> None:
        if any(schema.is_a(record.kind.name, name) for name in self._kept):
            return
        for attribute, other in self._records.all_referring(record):
            is_holding = attribute == "child" or (other.kind.name, attribute) in {
                (kind, name) for kind, names in _FORWARD.items() for name in names
            }
            if is_holding and other.key not in self.going:
                return
        if rights.may(self._call, record, rights.Scope.DELETE):
            self._waiting.append(record)

    def _add_filesets(self) -> None:
        for record in list(self.going.values()):
            fileset = record.references.get("fileset") if record.kind.name == "Image" else None
            if fileset is None or fileset.key in self.going:
                continue
            images = self._records.referring(fileset, "fileset", "Image")
            left = [image for image in images if image.key not in self.going]
            if left:
                message = f"within {fileset} may not process {record} while {left[0]} is not processed"
                raise SplitError(message)
            self._waiting.append(fileset)
