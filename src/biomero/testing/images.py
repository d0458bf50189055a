"""Images that need no file, for tests and benchmarks; they keep the contract of `OpenImage`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage
from biomero.domain.imaging import Channel, ImageMetadata, Quantity
from biomero.errors import ImageReadError


class ArrayImage:
    """An image in memory.

    Parameters
    ----------
    pixels
        The array.
    axes
        The array's axes; without it the last ones of t, c, z, y and x.
    damaged_plane
        Number of a plane, counted along t, c and z, that cannot be read.

    Attributes
    ----------
    largest_read
        How many pixels the largest piece has that was read so far.
    """

    def __init__(
        self,
        pixels: NDArray[Any],
        axes: str | None = None,
        *,
        name: str = "array",
        scale: Mapping[str, Quantity] | None = None,
        channels: Sequence[Channel] = (),
        is_rgb: bool = False,
        block_shape: tuple[int, int] | None = None,
        damaged_plane: int | None = None,
    ) -> None:
        self.pixels = pixels
        self.largest_read = 0
        self._metadata = ImageMetadata(
            name=name,
            axes=axes or "tczyx"[-pixels.ndim :],
            shape=pixels.shape,
            dtype=pixels.dtype.name,
            scale=dict(scale or {}),
            channels=tuple(channels),
            is_rgb=is_rgb,
        )
        self._block_shape = block_shape or (pixels.shape[-2], pixels.shape[-1])
        self._damaged_plane = damaged_plane

    @property
    def metadata(self) -> ImageMetadata:
        """See `OpenImage.metadata`."""
        return self._metadata

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`."""
        return self._block_shape

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """See `OpenImage.read`."""
        plane = (t * self.metadata.size("c") + c) * self.metadata.size("z") + z
        if plane == self._damaged_plane:
            raise ImageReadError(f"{self.metadata.name}: plane {plane} is damaged")
        position = {"t": t, "c": c, "z": z, "y": y, "x": x}
        index: tuple[Any, ...] = tuple(position[a] for a in self.metadata.axes)
        piece: NDArray[np.generic] = self.pixels[index]
        self.largest_read = max(self.largest_read, piece.size)
        return piece

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the image; memory needs no closing."""


class GeneratedImage:
    """An image of any size whose pixels are made when they are read, so that it takes no memory.

    Its pixels are 16-bit camera noise, which compresses as badly as real images do. No two planes and
    no two neighbouring tiles are equal; the same place always has the same pixels.
    """

    _TILE = 1024

    def __init__(self, axes: str, shape: tuple[int, ...], *, name: str = "generated") -> None:
        micrometers = {axis: Quantity(value=0.25, unit="micrometer") for axis in "zyx" if axis in axes}
        self._metadata = ImageMetadata(name=name, axes=axes, shape=shape, dtype="uint16", scale=micrometers)
        random = np.random.default_rng(20261122)
        photons = random.poisson(120, size=(self._TILE, self._TILE))
        self._noise = (100 + photons + random.normal(0, 1.6, photons.shape)).astype(np.uint16)

    @property
    def metadata(self) -> ImageMetadata:
        """See `OpenImage.metadata`."""
        return self._metadata

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`."""
        return min(self._TILE, self.metadata.size("y")), min(self._TILE, self.metadata.size("x"))

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """See `OpenImage.read`."""
        plane = (t * self.metadata.size("c") + c) * self.metadata.size("z") + z
        piece = np.empty((y.stop - y.start, x.stop - x.start), np.uint16)
        for top in range(y.start // self._TILE, -(-y.stop // self._TILE)):
            rows = slice(max(y.start, top * self._TILE), min(y.stop, (top + 1) * self._TILE))
            for left in range(x.start // self._TILE, -(-x.stop // self._TILE)):
                columns = slice(max(x.start, left * self._TILE), min(x.stop, (left + 1) * self._TILE))
                noise = self._noise[
                    rows.start - top * self._TILE : rows.stop - top * self._TILE,
                    columns.start - left * self._TILE : columns.stop - left * self._TILE,
                ]
                target = piece[
                    rows.start - y.start : rows.stop - y.start,
                    columns.start - x.start : columns.stop - x.start,
                ]
                np.add(noise, np.uint16((plane * 7 + top * 3 + left) % 1000), out=target)
        return piece

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the image; memory needs no closing."""


def pixels_of(image: OpenImage, progress: Callable[[int, int], None] | None = None) -> NDArray[np.generic]:
    """Read a whole image, plane by plane; axes (t, c, z, y, x)."""
    metadata = image.metadata
    sizes = [metadata.size(axis) for axis in "tczyx"]
    whole = np.zeros(sizes, metadata.dtype)
    planes = [(t, c, z) for t in range(sizes[0]) for c in range(sizes[1]) for z in range(sizes[2])]
    for done, (t, c, z) in enumerate(planes):
        whole[t, c, z] = image.read(t=t, c=c, z=z, y=slice(0, sizes[3]), x=slice(0, sizes[4]))
        if progress is not None:
            progress(done + 1, len(planes))
    return whole
