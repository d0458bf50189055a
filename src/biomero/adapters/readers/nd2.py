"""Nikon ND2 files, through the library nd2."""

from __future__ import annotations

from contextlib import ExitStack
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.readers.described import describe
from biomero.adapters.readers.planes import LibraryImage, by_planes
from biomero.adapters.readers.seam import chosen, library, reading
from biomero.domain import units
from biomero.domain.imaging import Channel, Quantity
from biomero.errors import ImageReadError, UnsupportedImageError

_READ = set("TPZCYXS")


class Nd2Source:
    """Opens ND2 files; see `ImageSource`. Each stage position is an image.

    A frame that the microscope never took, of a recording that was stopped, is black.
    """

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        with ExitStack() as stack:
            nd2 = _opened(path, stack)
            with reading(path, "its list of positions"):
                return int(nd2.sizes.get("P", 1))

    def open(self, path: Path, *, index: int = 0) -> LibraryImage:
        """See `ImageSource.open`."""
        with ExitStack() as stack:
            nd2 = _opened(path, stack)
            with reading(path, "its description"):
                return _image(path, nd2, index, stack)


def _opened(path: Path, stack: ExitStack) -> Any:  # noqa: ANN401 - the library is an extra
    with reading(path, "the ND2"):
        return stack.enter_context(library("nd2", path).ND2File(path))


def _image(path: Path, nd2: Any, index: int, stack: ExitStack) -> LibraryImage:  # noqa: ANN401 - as above
    sizes = dict(nd2.sizes)
    position = chosen(path, index, sizes.get("P", 1))
    others = [axis for axis, size in sizes.items() if axis not in _READ and size > 1]
    if others:
        raise UnsupportedImageError(f"{path} has the axes {', '.join(others)}, which are not read here")
    loops = [axis for axis in sizes if axis in "TPZ"]
    frames = prod(sizes[axis] for axis in loops)
    samples = min(3, sizes.get("S", 1))
    metadata = describe(
        path.stem if sizes.get("P", 1) == 1 else f"{path.stem} position {index + 1}",
        {
            "t": sizes.get("T", 1),
            "c": sizes.get("C", 1) * samples,
            "z": sizes.get("Z", 1),
            "y": sizes["Y"],
            "x": sizes["X"],
        },
        np.dtype(nd2.dtype).name,
        scale=_scale(nd2),
        channels=_channels(nd2),
        is_rgb=samples > 1,
    )

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        wanted = {"T": t, "P": position, "Z": z}
        number = 0
        for axis in loops:  # in the order of the experiment's loops, the last varies fastest
            number = number * sizes[axis] + wanted[axis]
        if number >= frames:
            raise ImageReadError(f"{path}: frame {number + 1} of {frames} is missing")
        channel, sample = divmod(c, samples)
        # nd2 leaves out of a frame the axes of one
        frame = nd2.read_frame(number).reshape(sizes.get("C", 1), sizes["Y"], sizes["X"], -1)
        return np.asarray(frame[channel, :, :, sample])

    return LibraryImage(path, metadata, by_planes(read_plane), resources=stack.pop_all())


def _scale(nd2: Any) -> dict[str, Quantity | None]:  # noqa: ANN401 - as above
    size = nd2.voxel_size()
    scale: dict[str, Quantity | None] = {axis: units.length(getattr(size, axis), "µm") for axis in "zyx"}
    periods = [loop.parameters.periodMs for loop in nd2.experiment if loop.type == "TimeLoop"]
    scale["t"] = units.time(periods[0], "ms") if periods else None
    return scale


def _channels(nd2: Any) -> list[Channel]:  # noqa: ANN401 - as above
    channels = getattr(nd2.metadata, "channels", None) or []
    return [
        Channel(
            name=one.channel.name or None,
            color="".join(f"{value:02X}" for value in one.channel.color[:3]),
        )
        for one in channels
    ]
