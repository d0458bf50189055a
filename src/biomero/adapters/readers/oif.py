"""Olympus OIB and OIF files, through oiffile."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.readers.described import describe
from biomero.adapters.readers.one_image import OneImageSource
from biomero.adapters.readers.planes import LibraryImage, by_planes
from biomero.adapters.readers.seam import library, reading
from biomero.domain import units
from biomero.domain.imaging import Channel, Quantity
from biomero.errors import ImageReadError, UnsupportedImageError


class OifSource(OneImageSource):
    """Opens OIB and OIF files; see `ImageSource`."""

    def _opened(self, path: Path, stack: ExitStack) -> Any:  # noqa: ANN401 - the library is an extra
        with reading(path, "the Olympus file"):
            return stack.enter_context(library("oiffile", path).OifFile(path))

    def _image(self, path: Path, file: Any, stack: ExitStack) -> LibraryImage:  # noqa: ANN401 - as above
        settings = _axes(file)
        # the planes are TIFF files of their own, numbered along each axis: s_C001Z002T003.tif
        planes = file.series[0]
        numbered = str(planes.axes)
        if set(numbered) - set("CZT"):
            raise UnsupportedImageError(f"{path} has the axes {numbered}, which are not read here")
        shape = tuple(int(size) for size in planes.shape)
        files = list(planes.files) if hasattr(planes, "files") else list(planes)
        if len(files) != int(np.prod(shape)):
            raise ImageReadError(f"{path} holds {len(files)} of {int(np.prod(shape))} planes")
        first = file.asarray(files[0])
        if first.ndim != 2:  # noqa: PLR2004 - y, x
            raise UnsupportedImageError(f"{path} has planes of shape {first.shape}")
        sizes = {axis.lower(): size for axis, size in zip(numbered, shape, strict=True)}
        metadata = describe(
            path.stem,
            sizes | {"y": first.shape[0], "x": first.shape[1]},
            first.dtype.name,
            scale={axis: _step(settings.get(axis.upper(), {})) for axis in "tzyx"},
            channels=_channels(file, sizes.get("c", 1)),
        )

        def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
            wanted = {"T": t, "C": c, "Z": z}
            number = int(np.ravel_multi_index([wanted[axis] for axis in numbered], shape)) if numbered else 0
            return np.asarray(file.asarray(files[number]))

        return LibraryImage(path, metadata, by_planes(read_plane), resources=stack.pop_all())


def _axes(oif: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - as above
    found = (oif.mainfile.get(f"Axis {i} Parameters Common", {}) for i in range(8))
    return {str(axis["AxisCode"]): axis for axis in found if "AxisCode" in axis}


def _step(axis: dict[str, Any]) -> Quantity | None:
    count = int(axis.get("MaxSize", 0))
    span = abs(float(axis.get("EndPosition", "nan")) - float(axis.get("StartPosition", "nan")))
    unit = str(axis.get("UnitName", ""))
    if axis.get("AxisCode") in {"Z", "T"}:
        count -= 1  # these two end at the start of their last step
    if count < 1:
        return None
    return units.length(span / count, unit) or units.time(span / count, unit)


def _channels(oif: Any, count: int) -> list[Channel]:  # noqa: ANN401 - as above
    found = [oif.mainfile.get(f"Channel {i + 1} Parameters", {}) for i in range(count)]
    names = (str(one.get("DyeName") or one.get("CH Name") or "") for one in found)
    return [Channel(name=name if name not in {"", "None"} else None) for name in names]
