"""OME-XML, the metadata of OME-TIFF and of Bio-Formats, read into our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from biomero.domain import units
from biomero.domain.imaging import Channel, Quantity

_NUMPY_TYPES = {
    "float": "float32",
    "double": "float64",
    "complex": "complex64",
    "double-complex": "complex128",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeImage:
    """One ``Image`` element.

    Parameters
    ----------
    sizes
        Sizes along t, c, z, y and x; ``c`` counts samples, as OME does.
    samples
        Samples per pixel of each ``Channel`` element, in order.
    channels
        One for each ``Channel`` element.
    """

    name: str
    sizes: Mapping[str, int]
    dtype: str
    scale: Mapping[str, Quantity] = field(default_factory=dict)
    samples: tuple[int, ...] = ()
    channels: tuple[Channel, ...] = ()

    @property
    def is_rgb(self) -> bool:
        """The image is one colour picture: a single channel of three samples, or four with alpha."""
        return self.samples in {(3,), (4,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeDocument:
    """What an OME-XML document says.

    Parameters
    ----------
    file_names
        The files of a set that the document names, without repetitions.
    metadata_file
        Where this document only points to another one (``BinaryOnly``): the file that holds it.
    """

    images: tuple[OmeImage, ...]
    file_names: tuple[str, ...] = ()
    metadata_file: str | None = None


def parse_ome_xml(text: str) -> OmeDocument:
    """Read an OME-XML document of any schema version.

    Raises
    ------
    ValueError
        If it is not well-formed XML, or a number in it is none.
    """
    try:
        # expat itself refuses entities that grow without bound, and no external entity is ever fetched
        root = ET.fromstring(text)  # noqa: S314
    except ET.ParseError as exc:
        raise ValueError(f"the OME-XML is not well-formed: {exc}") from exc
    binary_only = root.find("{*}BinaryOnly")
    names = (element.get("FileName", "") for element in root.iter() if _tag(element) == "UUID")
    return OmeDocument(
        images=tuple(_image(element) for element in root if _tag(element) == "Image"),
        file_names=tuple(dict.fromkeys(name for name in names if name)),
        metadata_file=None if binary_only is None else binary_only.get("MetadataFile", ""),
    )


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _image(element: ET.Element) -> OmeImage:
    pixels = element.find("{*}Pixels")
    if pixels is None:
        raise ValueError(f"the OME-XML image {element.get('Name', '')!r} has no Pixels")
    channels = pixels.findall("{*}Channel")
    ome_type = pixels.get("Type") or pixels.get("PixelType") or ""
    return OmeImage(
        name=element.get("Name", ""),
        sizes={axis: int(pixels.get(f"Size{axis.upper()}", "1")) for axis in "tczyx"},
        dtype=_NUMPY_TYPES.get(ome_type, "uint8" if ome_type == "bit" else ome_type),
        scale=_scale(pixels),
        samples=tuple(int(channel.get("SamplesPerPixel", "1")) for channel in channels),
        channels=tuple(Channel(name=c.get("Name") or None, color=_color(c.get("Color"))) for c in channels),
    )


def _scale(pixels: ET.Element) -> dict[str, Quantity]:
    found = {
        axis: units.length(
            float(pixels.get(f"PhysicalSize{axis.upper()}", "nan")),
            pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm"),
        )
        for axis in "zyx"
    }
    increment = float(pixels.get("TimeIncrement", "nan"))
    found["t"] = units.time(increment, pixels.get("TimeIncrementUnit", "s"))
    return {axis: size for axis, size in found.items() if size is not None}


def _color(text: str | None) -> str | None:
    # OME keeps red, green, blue and alpha in one signed 32-bit number.
    return None if text is None else f"{(int(text) & 0xFFFFFFFF) >> 8:06X}"
