"""Writing images as OME-Zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from biomero.adapters.ngff.downsample import halving_for
from biomero.adapters.ngff.folders import whole_folder
from biomero.adapters.ngff.formats import FORMATS, Format
from biomero.adapters.ngff.layout import TILE_BYTES, plan_levels
from biomero.adapters.ngff.multiscale import RGB_ATTRIBUTES, RGB_CHANNELS, multiscales, omero
from biomero.adapters.ngff.pyramid import Pyramid
from biomero.adapters.ngff.stores import bounded_context, create, write_errors
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.ports.transfer import Progress
from biomero.domain.imaging import ImageMetadata
from biomero.errors import ImageWriteError

_LABEL_KINDS = "biu"
_IMAGE_KINDS = "biuf"
_LARGEST_ITEM = 8


class NgffWriter:
    """Writes OME-Zarr 0.4 and 0.5 with all resolution levels; see `PyramidWriter`.

    Parameters
    ----------
    tile_bytes
        How much of the image is read and written at once, and the largest shard before compression.
        The writer takes about five times as much memory.
    """

    def __init__(self, *, tile_bytes: int = TILE_BYTES) -> None:
        self._tile_bytes = tile_bytes

    def write(
        self, image: OpenImage, path: Path, settings: PyramidSettings, *, progress: Progress | None = None
    ) -> None:
        """See `PyramidWriter.write`. Something that stands at `path` already is an error and stays."""
        image_label: dict[str, Any] | None = {} if settings.is_label else None
        check_writable(image.metadata, is_label=settings.is_label)
        with whole_folder(path) as part:
            write_image(
                image,
                part,
                FORMATS[settings.version],
                image_label=image_label,
                progress=progress,
                final=path,
                tile_bytes=self._tile_bytes,
            )


def check_writable(metadata: ImageMetadata, *, is_label: bool) -> None:
    """Refuse what OME-Zarr, or we, cannot write, before the first byte.

    Raises
    ------
    ImageWriteError
        If the pixel type does not fit or the image has no pixels.
    """
    dtype = np.dtype(metadata.dtype)
    if dtype.kind not in (_LABEL_KINDS if is_label else _IMAGE_KINDS) or dtype.itemsize > _LARGEST_ITEM:
        expected = "labels are integers" if is_label else "pixels may be integers, floats or booleans"
        raise ImageWriteError(
            f"{metadata.name}: {dtype.name} pixels cannot be written as OME-Zarr: {expected}"
        )
    if 0 in metadata.shape:
        raise ImageWriteError(f"{metadata.name} has no pixels: its shape is {metadata.shape}")


def write_image(
    image: OpenImage,
    path: Path,
    ngff: Format,
    *,
    image_label: dict[str, Any] | None,
    progress: Progress | None,
    final: Path,
    tile_bytes: int = TILE_BYTES,
) -> None:
    """Write an image into a folder that nobody looks at yet.

    Parameters
    ----------
    image_label
        What to say of a label image (``image-label``); ``None`` for an image of intensities.
    final
        The name that the folder will have, for messages.
    """
    metadata = image.metadata
    is_label = image_label is not None
    # NGFF: the pixels of label images MUST be integers; a mask is a label image of one label.
    dtype = "uint8" if is_label and metadata.dtype == "bool" else metadata.dtype
    levels = plan_levels(metadata, image.block_shape, tile_bytes=tile_bytes)
    context = bounded_context()
    arrays = [
        create(ngff.array_spec(path / str(index), level, dtype), context=context)
        for index, level in enumerate(levels)
    ]
    pyramid = Pyramid(
        image,
        final,
        levels=levels,
        arrays=arrays,
        dtype=dtype,
        halve=halving_for(dtype, is_label=is_label),
        waiting_bytes=tile_bytes,
        progress=progress,
    )
    ranges = pyramid.write()
    method = "nearest" if is_label or dtype == "bool" else "mean"
    ome: dict[str, Any] = {"multiscales": multiscales(metadata, levels, method=method)}
    if image_label is None:
        ome["omero"] = omero(metadata, ranges)
    else:
        ome["image-label"] = image_label
    is_rgb = metadata.is_rgb and metadata.size("c") == len(RGB_CHANNELS)
    with write_errors(final):
        ngff.write_group(path, ome, RGB_ATTRIBUTES if is_rgb else {})
