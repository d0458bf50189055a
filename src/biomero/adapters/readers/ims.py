"""Imaris IMS files, which are HDF5, through h5py."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.readers.described import describe
from biomero.adapters.readers.one_image import OneImageSource
from biomero.adapters.readers.planes import LibraryImage
from biomero.adapters.readers.seam import library, reading
from biomero.domain import units
from biomero.domain.imaging import Channel, Quantity
from biomero.errors import UnsupportedImageError

_RGB = 3


class ImsSource(OneImageSource):
    """Opens IMS files; see `ImageSource`. They are read at full resolution, level 0."""

    def _opened(self, path: Path, stack: ExitStack) -> Any:  # noqa: ANN401 - the library is an extra
        with reading(path, "the IMS"):
            ims = stack.enter_context(library("h5py", path).File(path, "r"))
            if "DataSet" not in ims or "DataSetInfo" not in ims:
                raise UnsupportedImageError(f"{path} is HDF5, but not an Imaris file: it has no DataSet")
            return ims

    def _image(self, path: Path, file: Any, stack: ExitStack) -> LibraryImage:  # noqa: ANN401 - as above
        image = file["DataSetInfo/Image"].attrs
        sizes = {axis: int(_text(image[axis.upper()])) for axis in "zyx"}
        level = file["DataSet/ResolutionLevel 0"]
        sizes["t"] = sum(1 for name in level if name.startswith("TimePoint "))
        sizes["c"] = sum(1 for name in level["TimePoint 0"] if name.startswith("Channel "))
        first = level["TimePoint 0/Channel 0/Data"]
        metadata = describe(
            path.stem,
            sizes,
            np.dtype(first.dtype).newbyteorder("=").name,
            scale={axis: _step(image, axis, sizes[axis]) for axis in "zyx"},
            channels=[_channel(file, c) for c in range(sizes["c"])],
        )

        def read_piece(*, t: int, c: int, z: int, y: slice, x: slice) -> NDArray[Any]:
            # the stored array is padded to whole chunks; the slices end at the image
            return np.asarray(level[f"TimePoint {t}/Channel {c}/Data"][z, y, x])

        block = first.chunks[1:] if first.chunks else None
        return LibraryImage(path, metadata, read_piece, block_shape=block, resources=stack.pop_all())


def _step(image: Any, axis: str, count: int) -> Quantity | None:  # noqa: ANN401 - as above
    number = "xyz".index(axis)
    span = float(_text(image[f"ExtMax{number}"])) - float(_text(image[f"ExtMin{number}"]))
    return units.length(span / count, _text(image.get("Unit", "um")))


def _channel(ims: Any, c: int) -> Channel:  # noqa: ANN401 - as above
    found = ims.get(f"DataSetInfo/Channel {c}")
    if found is None:
        return Channel()
    color = [float(part) for part in _text(found.attrs.get("Color", "")).split()]
    return Channel(
        name=_text(found.attrs.get("Name", "")) or None,
        color="".join(f"{round(part * 255):02X}" for part in color) if len(color) == _RGB else None,
    )


def _text(value: Any) -> str:  # noqa: ANN401 - as above
    # Imaris writes texts as arrays of single characters
    if isinstance(value, np.ndarray):
        return b"".join(bytes(part) for part in value.ravel()).decode("utf-8", "replace").strip("\0 ")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
