"""The records that make an image: itself, its pixels, and their channels."""

from __future__ import annotations

import time
from typing import Any

import omero.model
from omero.model.enums import UnitsLength
from omero.rtypes import rbool, rdouble, rint, rstring, rtime

from omero_server import pixel_files
from omero_server.call import Call
from omero_server.pixel_files import Shape
from omero_server.records import Record

_COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))


def new(call: Call, kind: str, /, **scalars: Any) -> Record:
    """Make an object of the caller's, in the group of the call."""
    record = call.server.records.new(kind)
    record.scalars = scalars
    record.owner, record.group = call.user.id, call.writing_group
    record.created = record.updated = call.writing()
    call.server.records.put(record)
    return record


def link(call: Call, name: str, parent: Record, child: Record) -> Record:
    """Link two objects, whose group the link gets."""
    record = new(call, name)
    record.references = {"parent": parent, "child": child}
    record.group = parent.group
    call.server.records.put(record)
    return record


def make(
    call: Call,
    name: str,
    *,
    sizes: Shape,
    kind: str,
    description: str = "",
    like: tuple[Record, list[int]] | None = None,
    pixel_size_um: float | None = None,
) -> Record:
    """Make an image with pixels that nothing was written to yet.

    Parameters
    ----------
    sizes
        Axes (t, c, z, y, x).
    like
        An image, and those of its channels whose names and colours the new one gets.
    """
    image = new(
        call,
        "Image",
        name=rstring(name),
        description=rstring(description),
        acquisitionDate=rtime(int(time.time() * 1000)),
        archived=rbool(False),
        partial=rbool(False),
        series=rint(0),
    )
    length = None if pixel_size_um is None else omero.model.LengthI(pixel_size_um, UnitsLength.MICROMETER)
    pixels = new(call, "Pixels", sha1=rstring("Pending..."), physicalSizeX=length, physicalSizeY=length)
    pixels.scalars.update(zip(("sizeT", "sizeC", "sizeZ", "sizeY", "sizeX"), map(rint, sizes), strict=True))
    pixels.scalars["significantBits"] = rint(pixel_files.BIT_SIZES[kind])
    pixels.references = {
        "image": image,
        "pixelsType": call.server.enumeration("PixelsType", kind),
        "dimensionOrder": call.server.enumeration("DimensionOrder", "XYZCT"),
    }
    call.server.records.put(pixels)
    sources = [] if like is None else _channels(call, like[0])
    for place in range(sizes[1]):
        source = sources[like[1][place]] if like is not None and like[1][place] < len(sources) else None
        _channel(call, pixels, place, source)
    return image


def kind_of(pixels: Record) -> str:
    """Return the name of the type of pixels."""
    found = pixels.references["pixelsType"]
    assert found is not None
    return str(found.get("value"))


def shape_of(pixels: Record) -> Shape:
    """Return the sizes of pixels, axes (t, c, z, y, x)."""
    t, c, z, y, x = (int(pixels.get(f"size{axis}")) for axis in "TCZYX")
    return t, c, z, y, x


def _channels(call: Call, image: Record) -> list[Record]:
    pixels = call.server.records.collection(image, "pixels")[0]
    return call.server.records.collection(pixels, "channels")


def _channel(call: Call, pixels: Record, place: int, source: Record | None) -> None:
    logical = new(call, "LogicalChannel")
    channel = new(call, "Channel")
    red, green, blue = _COLOURS[min(place, len(_COLOURS) - 1)]
    channel.scalars = {"red": rint(red), "green": rint(green), "blue": rint(blue), "alpha": rint(255)}
    if source is not None:
        channel.scalars = dict(source.scalars)
        of_source = source.references["logicalChannel"]
        logical.scalars = {} if of_source is None else dict(of_source.scalars)
    statistics = new(call, "StatsInfo", globalMin=rdouble(0), globalMax=rdouble(255))
    channel.references = {"logicalChannel": logical, "pixels": pixels, "statsInfo": statistics}
    call.server.records.put(logical)
    call.server.records.put(channel)
