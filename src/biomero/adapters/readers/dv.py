"""DeltaVision DV files, through the library mrc."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.readers.described import describe
from biomero.adapters.readers.planes import LibraryImage
from biomero.adapters.readers.seam import chosen, library, reading
from biomero.domain import units
from biomero.domain.imaging import Channel

_WAVELENGTHS = 5  # the header has room for so many


class DvSource:
    """Opens DV files; see `ImageSource`. They are mapped, not loaded."""

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        with ExitStack() as stack:
            _opened(path, stack)
            return 1

    def open(self, path: Path, *, index: int = 0) -> LibraryImage:
        """See `ImageSource.open`."""
        chosen(path, index, 1)
        with ExitStack() as stack:
            dv = _opened(path, stack)
            with reading(path, "its description"):
                return _image(path, dv, stack.pop_all())


def _opened(path: Path, stack: ExitStack) -> Any:  # noqa: ANN401 - the library is an extra
    with reading(path, "the DV"):
        return stack.enter_context(library("mrc", path).DVFile(path))


def _image(path: Path, dv: Any, stack: ExitStack) -> LibraryImage:  # noqa: ANN401 - as above
    axes = [axis for axis in dv.sizes if axis in "TCZ"]
    count = min(max(1, dv.sizes["C"]), _WAVELENGTHS)
    waves = [int(getattr(dv.hdr, f"wave{i + 1}")) for i in range(count)]
    metadata = describe(
        path.stem,
        {axis.lower(): size for axis, size in dv.sizes.items()},
        np.dtype(dv.dtype).newbyteorder("=").name,
        scale={axis: units.length(float(getattr(dv.voxel_size, axis)), "µm") for axis in "zyx"},
        channels=[Channel(name=f"{wave} nm" if wave > 0 else None) for wave in waves],
    )
    data = dv.data

    def read_piece(*, t: int, c: int, z: int, y: slice, x: slice) -> NDArray[Any]:
        wanted = {"T": t, "C": c, "Z": z}
        return np.asarray(data[(*(wanted[axis] for axis in axes), y, x)])

    return LibraryImage(path, metadata, read_piece, resources=stack)
