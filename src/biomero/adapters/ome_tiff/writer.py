"""Writing OME-TIFF, plane by plane or tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from biomero.adapters.ome_tiff.description import description
from biomero.application.ports.image_source import OpenImage
from biomero.domain.imaging import ImageMetadata
from biomero.errors import ImageReadError, ImageWriteError

_DTYPES = frozenset(
    {"bool", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64"}
    | {"complex64", "complex128"}
)
_TILE = 512
_LARGE_PLANE = 64 << 20
_BIG_TIFF = 4_000_000_000  # below the 4 GiB of 32-bit offsets, with room for the tables


class LosslessOmeTiffWriter:
    """Writes OME-TIFF with deflate, which every reader knows; see `OmeTiffWriter`."""

    def write(self, image: OpenImage, path: Path) -> None:
        """See `OmeTiffWriter.write`. Planes of more than 64 MiB are written in tiles."""
        metadata = image.metadata
        if metadata.dtype not in _DTYPES:
            raise ImageWriteError(f"{metadata.name}: OME-TIFF has no pixels of type {metadata.dtype}")
        dtype = np.dtype(metadata.dtype)
        height, width = metadata.shape[-2:]
        is_large = height * width * dtype.itemsize > _LARGE_PLANE
        pieces = _tiles(image) if is_large else _planes(image)
        try:
            with tifffile.TiffWriter(
                path, ome=True, bigtiff=metadata.planes * height * width * dtype.itemsize > _BIG_TIFF
            ) as tiff:
                tiff.write(
                    pieces,
                    shape=metadata.shape,
                    dtype=dtype,
                    tile=(_TILE, _TILE) if is_large else None,
                    compression="zlib",
                    photometric="minisblack",
                    metadata=description(metadata),
                )
        except ImageReadError:
            raise
        except OSError as exc:
            raise ImageWriteError(f"{path} cannot be written: {exc.strerror or exc}") from exc


def _planes(image: OpenImage) -> Iterator[NDArray[Any]]:
    height, width = image.metadata.shape[-2:]
    for t, c, z in _plane_indices(image.metadata):
        yield image.read(t=t, c=c, z=z, y=slice(0, height), x=slice(0, width))


def _tiles(image: OpenImage) -> Iterator[NDArray[Any]]:
    """Read rows of tiles, so that memory is bounded by the width of a plane."""
    height, width = image.metadata.shape[-2:]
    for t, c, z in _plane_indices(image.metadata):
        for y in range(0, height, _TILE):
            band = image.read(t=t, c=c, z=z, y=slice(y, min(y + _TILE, height)), x=slice(0, width))
            for x in range(0, width, _TILE):
                tile = band[:, x : x + _TILE]
                missing = [(0, _TILE - size) for size in tile.shape]
                yield np.pad(tile, missing)


def _plane_indices(metadata: ImageMetadata) -> Iterator[tuple[int, int, int]]:
    """Yield (t, c, z) of each plane, in the order of the axes."""
    for t in range(metadata.size("t")):
        for c in range(metadata.size("c")):
            for z in range(metadata.size("z")):
                yield t, c, z
