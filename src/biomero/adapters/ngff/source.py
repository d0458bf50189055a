"""Reading OME-Zarr images."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import tensorstore as ts
from numpy.typing import NDArray

from biomero.adapters.ngff.groups import inside, read_group
from biomero.adapters.ngff.hierarchy import find_images
from biomero.adapters.ngff.parsing import Description, describe
from biomero.adapters.ngff.stores import bounded_context, open_array, read_errors
from biomero.domain.imaging import AXES, ImageMetadata
from biomero.errors import ImageReadError


class NgffSource:
    """Opens OME-Zarr folders of version 0.4 and 0.5, local ones; see `ImageSource`.

    A folder may hold several images: the series of ``bioformats2raw``, or the fields of a plate.
    """

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        return len(find_images(path))

    def open(self, path: Path, *, index: int = 0) -> NgffImage:
        """See `ImageSource.open`; metadata and pixels are those of the level with most pixels."""
        images = find_images(path)
        if not 0 <= index < len(images):
            raise ImageReadError(f"{path} holds {len(images)} images, so there is none of index {index}")
        group = read_group(images[index])
        description = describe(group)
        level = inside(group.path, description.level)
        array = open_array(level, driver=group.format.driver, context=bounded_context())
        return NgffImage(level, _in_our_order(array, description, level), description)


class NgffImage:
    """An open OME-Zarr image; see `OpenImage`.

    A chunk that has no file reads as zeros: that is how Zarr stores a chunk of zeros.
    """

    def __init__(self, path: Path, array: ts.TensorStore, description: Description) -> None:
        self._path = path
        self._array = array
        self._metadata = _metadata(path, array, description)

    @property
    def metadata(self) -> ImageMetadata:
        """See `OpenImage.metadata`."""
        return self._metadata

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`; it is a chunk."""
        plane = self._array.shape[-2:]
        chunk = (self._array.chunk_layout.read_chunk.shape or self._array.shape)[-2:]
        height, width = (min(c, s) if c else s for c, s in zip(chunk, plane, strict=True))
        return height, width

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """See `OpenImage.read`."""
        position: dict[str, int | slice] = {"t": t, "c": c, "z": z, "y": y, "x": x}
        with read_errors(self._path):
            selected = self._array[tuple(position[a] for a in self._metadata.axes)]
            return np.asarray(selected.read(order="C").result())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the image; files are open only while they are read."""


def _in_our_order(array: ts.TensorStore, description: Description, path: Path) -> ts.TensorStore:
    if array.rank != len(description.axes):
        raise ImageReadError(
            f"{path} has {array.rank} dimensions, but the metadata describes axes {description.axes}"
        )
    order = sorted(range(array.rank), key=lambda i: AXES.index(description.axes[i]))
    return array.transpose(order)


def _metadata(path: Path, array: ts.TensorStore, description: Description) -> ImageMetadata:
    axes = "".join(sorted(description.axes, key=AXES.index))
    shape = tuple(int(size) for size in array.shape)
    count = shape[axes.index("c")] if "c" in axes else 1
    try:
        return ImageMetadata(
            name=description.name,
            axes=axes,
            shape=shape,
            dtype=np.dtype(array.dtype.numpy_dtype).name,
            scale=description.scale,
            # Display settings of other channels than the image has are of no use.
            channels=description.channels if len(description.channels) == count else (),
            is_rgb=description.is_rgb,
        )
    except ValueError as exc:
        raise ImageReadError(f"{path}: {exc}") from exc
