"""MRC files of electron microscopy, through mrcfile."""

from __future__ import annotations

import warnings
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


class MrcSource(OneImageSource):
    """Opens MRC files; see `ImageSource`. They are mapped, not loaded; volumes of a stack become times."""

    def _opened(self, path: Path, stack: ExitStack) -> Any:  # noqa: ANN401 - the library is an extra
        with reading(path, "the MRC"), warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # what mrcfile finds wrong and goes on
            mapped = library("mrcfile", path).mmap(path, mode="r")
            return stack.enter_context(mapped)

    def _image(self, path: Path, file: Any, stack: ExitStack) -> LibraryImage:  # noqa: ANN401 - as above
        data = file.data
        depth = data.shape[:-2]
        is_volume = file.is_volume() or file.is_volume_stack()
        sizes = dict(zip("tz" if len(depth) > 1 else "z", depth, strict=False))
        voxel = file.voxel_size
        metadata = describe(
            path.stem,
            sizes | {"y": data.shape[-2], "x": data.shape[-1]},
            data.dtype.newbyteorder("=").name,
            # a stack of pictures is no volume: its header's z says nothing
            scale={axis: units.length(float(voxel[axis]), "Å") for axis in ("zyx" if is_volume else "yx")},
        )

        def read_piece(*, t: int, c: int, z: int, y: slice, x: slice) -> NDArray[Any]:
            del c
            place = {0: (), 1: (z,), 2: (t, z)}[len(depth)]
            return np.asarray(data[(*place, y, x)])

        return LibraryImage(path, metadata, read_piece, resources=stack.pop_all())
