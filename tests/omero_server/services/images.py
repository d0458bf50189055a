"""``IPixels``: new images, and what is known of their pixels and channels."""

from __future__ import annotations

from typing import Any

import omero
from omero.rtypes import rdouble, rlong

from omero_server import image_records, pixel_files, rights, schema
from omero_server.call import Call
from omero_server.copies import Copier, Fetched
from omero_server.dispatch import Service
from omero_server.records import Record


class Pixels(Service):
    """`omero.api.IPixels`."""

    def retrievePixDescription(self, number: int, call: Call) -> Any:
        return describe(call, self._pixels(number, call))

    def createImage(
        self,
        size_x: int,
        size_y: int,
        size_z: int,
        size_t: int,
        channels: list[int],
        kind: Any,
        name: str,
        description: str,
        call: Call,
    ) -> Any:
        found = self.records.find("PixelsType", kind.id.val)
        if found is None:
            raise omero.ApiUsageException(None, None, "no such type of pixels")
        sizes = (size_t, len(channels), size_z, size_y, size_x)
        image = image_records.make(
            call, name, sizes=sizes, kind=found.get("value"), description=description or ""
        )
        return rlong(image.id)

    def copyAndResizeImage(
        self,
        number: int,
        size_x: Any,
        size_y: Any,
        size_z: Any,
        size_t: Any,
        channels: list[int],
        name: str,
        _copy_statistics: bool,
        call: Call,
    ) -> Any:
        source = self.records.find("Image", number)
        if source is None or not rights.can_read(call, source):
            return None
        pixels = self.records.collection(source, "pixels")[0]

        def size(axis: str, wanted: Any) -> int:
            return int(pixels.get(f"size{axis}") if wanted is None else wanted.val)

        sizes = (size("T", size_t), len(channels), size("Z", size_z), size("Y", size_y), size("X", size_x))
        copy = image_records.make(
            call,
            source.get("name") + (name or ""),
            sizes=sizes,
            kind=image_records.kind_of(pixels),
            like=(source, channels),
        )
        return rlong(copy.id)

    def setChannelGlobalMinMax(
        self, number: int, channel: int, lowest: float, highest: float, call: Call
    ) -> None:
        pixels = self._pixels(number, call)
        if not rights.may(call, pixels, rights.Scope.EDIT):
            raise omero.SecurityViolation(None, None, f"Updating {pixels} not allowed.")
        record = self.records.collection(pixels, "channels")[channel]
        statistics = record.references.get("statsInfo") or image_records.new(call, "StatsInfo")
        statistics.scalars.update({"globalMin": rdouble(lowest), "globalMax": rdouble(highest)})
        record.references["statsInfo"] = statistics
        self.records.put(statistics)
        self.records.put(record)

    def getBitDepth(self, kind: Any, _: Call) -> int:
        return pixel_files.BIT_SIZES[kind.value.val]

    def getAllEnumerations(self, name: str, call: Call) -> list[Any]:
        return Copier(call).all(self.records.all(schema.plain_name(name)))

    def getEnumeration(self, name: str, value: str, call: Call) -> Any:
        return Copier(call).one(self.server.enumeration(schema.plain_name(name), value))

    def retrieveRndSettings(self, _number: int, _: Call) -> Any:
        return None

    def retrieveAllRndSettings(self, _number: int, _user: int, _: Call) -> list[Any]:
        return []

    def _pixels(self, number: int, call: Call) -> Record:
        found = self.records.find("Pixels", number)
        if found is None or not rights.can_read(call, found):
            raise omero.ValidationException(None, None, f"no pixels {number}")
        return found


def describe(call: Call, pixels: Record) -> Any:
    """Return a copy of pixels with all that is known of their channels."""
    fetched = Fetched()
    fetched.load(*(pixels.references.get(n) for n in ("pixelsType", "dimensionOrder", "image")))
    for channel in fetched.fill(pixels, "channels", call.server.records.collection(pixels, "channels")):
        fetched.load(channel.references.get("logicalChannel"), channel.references.get("statsInfo"))
    return Copier(call, fetched).one(pixels)
