"""DeltaVision DV files, through the library mrc."""

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
from biomero.domain.imaging import Channel

_WAVELENGTHS = 5  # the header has room for so many


class DvSource(OneImageSource):
    """Opens DV files; see `ImageSource`. They are mapped, not loaded."""

    def _opened(self, path: Path, stack: ExitStack) -> Any:  # noqa: ANN401 - the library is an extra
        with reading(path, "the DV"):
            return stack.enter_context(library("mrc", path).DVFile(path))

    def _image(self, path: Path, file: Any, stack: ExitStack) -> LibraryImage:  # noqa: ANN401 - as above
        axes = [axis for axis in file.sizes if axis in "TCZ"]
        count = min(max(1, file.sizes["C"]), _WAVELENGTHS)
        waves = [int(getattr(file.hdr, f"wave{i + 1}")) for i in range(count)]
        metadata = describe(
            path.stem,
            {axis.lower(): size for axis, size in file.sizes.items()},
            np.dtype(file.dtype).newbyteorder("=").name,
            scale={axis: units.length(float(getattr(file.voxel_size, axis)), "µm") for axis in "zyx"},
            channels=[Channel(name=f"{wave} nm" if wave > 0 else None) for wave in waves],
        )
        data = file.data

        def read_piece(*, t: int, c: int, z: int, y: slice, x: slice) -> NDArray[Any]:
            wanted = {"T": t, "C": c, "Z": z}
            return np.asarray(data[(*(wanted[axis] for axis in axes), y, x)])

        return LibraryImage(path, metadata, read_piece, resources=stack.pop_all())
