"""``IContainer`` and ``IMetadata``: images in what holds them, and their annotations."""

from __future__ import annotations

from typing import Any

from omero.rtypes import unwrap

from omero_server import rights, schema
from omero_server.call import Call
from omero_server.copies import Copier, Fetched, counts
from omero_server.dispatch import Service
from omero_server.records import Record

_CHILDREN = {"Project": "datasetLinks", "Dataset": "imageLinks", "Screen": "plateLinks"}


class Container(Service):
    """`omero.api.IContainer`."""

    def getImages(self, name: str, ids: list[int], _options: Any, call: Call) -> list[Any]:
        kind = schema.plain_name(name)
        found = [r for r in (self.records.find(kind, i) for i in ids) if r is not None]
        if kind != "Image":
            found = [child for r in found for child in self._children(r, call)]
        fetched = Fetched()
        images = [r for r in found if rights.can_read(call, r)]
        for image in images:
            self._load_image(image, fetched)
        return Copier(call, fetched).all(images)

    def getCollectionCount(
        self, name: str, collection: str, ids: list[int], _options: Any, call: Call
    ) -> dict[int, int]:
        return dict(counts(call, ids, schema.plain_name(name), collection.rpartition("_")[2]))

    def loadContainerHierarchy(self, name: str, ids: list[int] | None, options: Any, call: Call) -> list[Any]:
        kind = schema.plain_name(name)
        found = [r for r in self.records.all(kind) if rights.can_read(call, r) and (not ids or r.id in ids)]
        wanted = {k: unwrap(v) for k, v in ((options and options.map) or {}).items()}
        fetched = Fetched()
        for record in found:
            self._load_below(record, call, fetched, leaves=bool(wanted.get("leaves")))
        return Copier(call, fetched).all(found)

    def _load_below(self, record: Record, call: Call, fetched: Fetched, *, leaves: bool) -> None:
        name = _CHILDREN.get(record.kind.name)
        if name is None or (name == "imageLinks" and not leaves):
            return
        links = [link for link in self.records.collection(record, name) if rights.can_read(call, link)]
        for link in fetched.fill(record, name, links):
            child = link.references["child"]
            fetched.load(child)
            if child is not None:
                self._load_below(child, call, fetched, leaves=leaves)

    def _children(self, record: Record, call: Call) -> list[Record]:
        name = _CHILDREN[record.kind.name]
        links = [link for link in self.records.collection(record, name) if rights.can_read(call, link)]
        children = [link.references["child"] for link in links]
        found = [child for child in children if child is not None]
        return found if name == "imageLinks" else [image for c in found for image in self._children(c, call)]

    def _load_image(self, image: Record, fetched: Fetched) -> None:
        for pixels in fetched.fill(image, "pixels", self.records.collection(image, "pixels")):
            fetched.load(pixels.references.get("pixelsType"), pixels.references.get("dimensionOrder"))
        fetched.load(image.references.get("fileset"), image.references.get("format"))
        fetched.load(image.created, image.updated, self.records.find("Experimenter", image.owner))
        fetched.load(self.records.find("ExperimenterGroup", image.group))


class Metadata(Service):
    """`omero.api.IMetadata`."""

    def loadAnnotations(
        self, name: str, ids: list[int], types: list[str], _by: Any, _options: Any, call: Call
    ) -> dict[int, list[Any]]:
        wanted = {schema.plain_name(t) for t in types or ()}
        fetched = Fetched()
        copier = Copier(call, fetched)
        found: dict[int, list[Any]] = {}
        for number in ids:
            record = self.records.find(schema.plain_name(name), number)
            links = [] if record is None else self.records.collection(record, "annotationLinks")
            children = [link.references["child"] for link in links if rights.can_read(call, link)]
            kept = [c for c in children if c is not None and (not wanted or c.kind.name in wanted)]
            for child in kept:
                fetched.load(child.references.get("file"), self.records.find("Experimenter", child.owner))
            found[number] = copier.all(kept)
        return found
