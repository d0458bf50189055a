"""What an OME-TIFF says of its pixels, in tifffile's words."""

from __future__ import annotations

import uuid
from typing import Any

from biomero.domain.imaging import ImageMetadata, Quantity

# OME-NGFF's names of units, and OME-XML's symbols for them.
_SYMBOLS = {
    "angstrom": "Å",
    "picometer": "pm",
    "nanometer": "nm",
    "micrometer": "µm",
    "millimeter": "mm",
    "centimeter": "cm",
    "meter": "m",
    "nanosecond": "ns",
    "microsecond": "µs",
    "millisecond": "ms",
    "second": "s",
    "minute": "min",
    "hour": "h",
    "day": "d",
}


def description(metadata: ImageMetadata) -> dict[str, Any]:
    """Return the ``metadata`` argument of ``TiffWriter.write``.

    The UUID of the file follows from what the image is, so that writing it again gives the same bytes.
    """
    said: dict[str, Any] = {
        "axes": metadata.axes.upper(),
        "Name": _xml_text(metadata.name),
        "UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, repr((metadata.name, metadata.shape, metadata.dtype)))),
    }
    for axis in "xyz":
        said |= _quantity(f"PhysicalSize{axis.upper()}", metadata.scale.get(axis))
    said |= _quantity("TimeIncrement", metadata.scale.get("t"))
    names = [channel.name for channel in metadata.channels]
    if any(names):
        said["Channel"] = {"Name": [_xml_text(n or f"{i}") for i, n in enumerate(names)]}
    return said


def _quantity(key: str, quantity: Quantity | None) -> dict[str, Any]:
    """Leave out a size whose unit OME-XML does not have: a number alone would be read as micrometres."""
    if quantity is None or quantity.unit not in _SYMBOLS:
        return {}
    return {key: quantity.value, f"{key}Unit": _SYMBOLS[quantity.unit]}


def _xml_text(text: str) -> str:
    """Replace what XML cannot hold: control characters, and bytes that are no characters."""
    return "".join(c if c.isprintable() else "_" for c in text)
