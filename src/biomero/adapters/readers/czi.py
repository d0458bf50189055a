"""Zeiss CZI files, through pylibCZIrw."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.readers.described import describe
from biomero.adapters.readers.planes import LibraryImage
from biomero.adapters.readers.seam import chosen, library, reading
from biomero.domain import units
from biomero.domain.imaging import Channel, Quantity
from biomero.errors import UnsupportedImageError

_DTYPES = {
    "Gray8": "uint8",
    "Gray16": "uint16",
    "Gray32Float": "float32",
    "Bgr24": "uint8",
    "Bgr48": "uint16",
    "Bgr96Float": "float32",
}
_BLOCK = 1024  # mosaics have tiles of about 2000 pixels that overlap; libCZI puts them together


class CziSource:
    """Opens CZI files; see `ImageSource`.

    Each scene is an image; mosaics are put together at full resolution.
    """

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        with _opened(path) as czi, reading(path, "its list of scenes"):
            return max(1, len(czi.scenes_bounding_rectangle_no_pyramid))

    def open(self, path: Path, *, index: int = 0) -> LibraryImage:
        """See `ImageSource.open`."""
        with ExitStack() as resources:
            czi = resources.enter_context(_opened(path))
            with reading(path, "its description"):
                return _image(path, czi, index, resources)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with ExitStack() as stack:
        with reading(path, "the CZI"):
            czi = stack.enter_context(library("pylibCZIrw.czi", path).open_czi(str(path)))
        yield czi


def _image(path: Path, czi: Any, index: int, resources: ExitStack) -> LibraryImage:  # noqa: ANN401 - no types
    scenes = czi.scenes_bounding_rectangle_no_pyramid
    scene = sorted(scenes)[chosen(path, index, max(1, len(scenes)))] if scenes else None
    area = scenes[scene] if scenes else czi.total_bounding_rectangle_no_pyramid
    box = czi.total_bounding_box_no_pyramid
    others = [axis for axis, (start, end) in box.items() if axis not in "TCZYXMS" and end - start > 1]
    if others:
        raise UnsupportedImageError(f"{path} has the axes {', '.join(others)}, which are not read here")
    types = set(czi.pixel_types.values())
    if len(types) != 1 or not types <= _DTYPES.keys():
        raise UnsupportedImageError(f"{path} has pixels of the types {', '.join(sorted(types))}")
    pixel_type = types.pop()
    is_rgb = pixel_type.startswith("Bgr")
    starts = {axis: box[axis][0] for axis in "TCZ" if axis in box}
    counts = {axis.lower(): box[axis][1] - box[axis][0] for axis in starts}
    samples = 3 if is_rgb else 1
    described = _described(czi)
    metadata = describe(
        path.stem if len(scenes) < 2 else f"{path.stem} scene {index + 1}",  # noqa: PLR2004 - one needs no number
        counts | {"c": counts.get("c", 1) * samples, "y": area.h, "x": area.w},
        _DTYPES[pixel_type],
        scale=_scale(described),
        channels=_channels(described),
        is_rgb=is_rgb,
    )

    def read_piece(*, t: int, c: int, z: int, y: slice, x: slice) -> NDArray[Any]:
        channel, sample = divmod(c, samples)
        wanted = {"T": t, "C": channel, "Z": z}
        pixels = czi.read(
            plane={axis: start + wanted[axis] for axis, start in starts.items()},
            roi=(area.x + x.start, area.y + y.start, x.stop - x.start, y.stop - y.start),
            scene=scene,
            pixel_type=pixel_type,
        )
        return np.asarray(pixels[:, :, samples - 1 - sample])  # blue, green, red

    return LibraryImage(
        path, metadata, read_piece, block_shape=(_BLOCK, _BLOCK), resources=resources.pop_all()
    )


def _described(czi: Any) -> ET.Element:  # noqa: ANN401 - no types
    # see `biomero.domain.ome_xml`: expat bounds entities and fetches none
    return ET.fromstring(czi.raw_metadata or "<ImageDocument/>")  # noqa: S314


def _scale(document: ET.Element) -> dict[str, Quantity | None]:
    metres = {
        item.get("Id", "").lower(): float(item.findtext("Value") or "nan")
        for item in document.findall("./Metadata/Scaling/Items/Distance")
    }
    interval = document.findtext("./Metadata/Information/Image/Dimensions/T/Positions/Interval/Increment")
    scale = {axis: units.length(round(metres[axis] * 1e6, 9), "µm") for axis in "zyx" if axis in metres}
    return {**scale, "t": units.time(float(interval or "nan"), "s")}


def _channels(document: ET.Element) -> list[Channel]:
    shown = {
        channel.get("Id"): channel.findtext("Color")
        for channel in document.findall("./Metadata/DisplaySetting/Channels/Channel")
    }
    return [
        Channel(
            name=channel.get("Name") or None,
            color=_color(channel.findtext("Color") or shown.get(channel.get("Id"))),
        )
        for channel in document.findall("./Metadata/Information/Image/Dimensions/Channels/Channel")
    ]


def _color(text: str | None) -> str | None:
    # "#FFrrggbb" with alpha in front
    return text[-6:].upper() if text and text.startswith("#") else None
