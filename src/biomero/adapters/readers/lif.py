"""Leica LIF, XLEF and LOF files, through liffile."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.readers.described import describe
from biomero.adapters.readers.planes import LibraryImage, by_planes
from biomero.adapters.readers.seam import chosen, library, reading
from biomero.domain import units
from biomero.domain.imaging import Quantity
from biomero.errors import UnsupportedImageError

_CARRIERS = {
    "C": "c",
    "S": "c",
    "λ": "c",
    "Λ": "c",
    "H": "c",
    "Z": "z",
    "T": "t",
    "A": "t",
    "L": "t",
    "Q": "t",
}
"""liffile's letters, each with the axis of ours that carries it."""

_MOSAIC = "M"


class LifSource:
    """Opens LIF, XLEF and LOF files; see `ImageSource`. Each tile of a mosaic is an image."""

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        with ExitStack() as stack:
            return len(_tiles(path, _opened(path, stack)))

    def open(self, path: Path, *, index: int = 0) -> LibraryImage:
        """See `ImageSource.open`."""
        with ExitStack() as stack:
            lif = _opened(path, stack)
            tiles = _tiles(path, lif)
            image, tile = tiles[chosen(path, index, len(tiles))]
            with reading(path, "its description"):
                return _image(path, image, tile, stack)


def _opened(path: Path, stack: ExitStack) -> Any:  # noqa: ANN401 - the library is an extra
    with reading(path, "the LIF"):
        return stack.enter_context(library("liffile", path).LifFile(path))


def _tiles(path: Path, lif: Any) -> list[tuple[Any, int]]:  # noqa: ANN401 - as above
    with reading(path, "its list of images"):
        images = [image for image in lif.images if {"Y", "X"} <= set(image.dims)]
        tiles = [(image, tile) for image in images for tile in range(image.sizes.get(_MOSAIC, 1))]
    if not tiles:
        raise UnsupportedImageError(f"{path} holds no image with the axes Y and X")
    return tiles


def _image(path: Path, image: Any, tile: int, stack: ExitStack) -> LibraryImage:  # noqa: ANN401 - as above
    sizes = dict(image.sizes)
    unknown = [dim for dim in sizes if dim not in _CARRIERS and dim not in {"Y", "X", _MOSAIC}]
    if unknown:
        raise UnsupportedImageError(f"{path} has the axes {', '.join(unknown)}, which are not read here")
    frames = image.frames
    is_rgb = sizes.get("S") == 3 and "C" not in sizes  # noqa: PLR2004 - red, green, blue
    counts = {"t": 1, "c": 1, "z": 1, "y": sizes["Y"], "x": sizes["X"]}
    for dim, carrier in _CARRIERS.items():
        counts[carrier] *= sizes.get(dim, 1)
    metadata = describe(
        image.name if _MOSAIC not in sizes else f"{image.name} tile {tile + 1}",
        counts,
        np.dtype(image.dtype).name,
        scale=_scale(image),
        is_rgb=is_rgb,
    )
    frame_dims = tuple(frames.frame_dims)

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        at = _indices(sizes, {"t": t, "c": c, "z": z}) | ({_MOSAIC: tile} if _MOSAIC in sizes else {})
        frame = image.frame(**{dim: i for dim, i in at.items() if dim not in frame_dims})
        place = tuple(at.get(dim, slice(None)) for dim in frame_dims)
        plane = np.asarray(frame)[place]
        rest = [dim for dim in frame_dims if dim not in at]
        return plane if rest == ["Y", "X"] else plane.T

    return LibraryImage(path, metadata, by_planes(read_plane), resources=stack.pop_all())


def _indices(sizes: dict[str, int], left: dict[str, int]) -> dict[str, int]:
    """Spread our indices over the file's axes; of those that share a carrier, the last varies fastest."""
    found = {}
    for dim in reversed(sizes):
        carrier = _CARRIERS.get(dim)
        if carrier is not None:
            left[carrier], found[dim] = divmod(left[carrier], sizes[dim])
    return found


def _scale(image: Any) -> dict[str, Quantity | None]:  # noqa: ANN401 - as above
    def step(dim: str) -> float:
        places = np.asarray(image.coords.get(dim, ()), np.float64)
        return abs(float(places[1] - places[0])) if places.size > 1 else float("nan")

    # Leica counts in metres and seconds
    scale = {axis: units.length(round(step(axis.upper()) * 1e6, 9), "µm") for axis in "zyx"}
    return {**scale, "t": units.time(step("T"), "s")}
