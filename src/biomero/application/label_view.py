"""A label image as it should be: its own pixels, with the metadata that its source gives it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from biomero.application.pixel_blocks import pixel_blocks
from biomero.application.ports.image_source import OpenImage
from biomero.domain.imaging import ImageMetadata
from biomero.domain.label_metadata import label_metadata

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TABLE = 1 << 24  # a table of the values seen is 20 times faster than sorting, and takes this many bytes
_NARROWER = {"int64": "uint32", "uint64": "uint32", "bool": "uint8"}


def labels_in(image: OpenImage) -> tuple[int, int, int]:
    """Return how many objects a label image holds, its smallest and its largest value.

    Raises
    ------
    ImageReadError
        If its pixels are damaged.
    """
    seen = np.zeros(1, dtype=bool)
    others: set[int] = set()
    smallest, largest = 0, 0
    for block in pixel_blocks(image):
        low, high = int(block.min()), int(block.max())
        smallest, largest = min(smallest, low), max(largest, high)
        if low >= 0 and high < _TABLE:
            if high >= seen.size:
                seen = np.pad(seen, (0, high + 1 - seen.size))
            seen[block.astype(np.intp, copy=False)] = True
        else:
            others.update(np.unique(block).astype(object).tolist())
    others.update(np.flatnonzero(seen).tolist())
    return sum(1 for value in others if value > 0), smallest, largest


class LabelView:
    """Shows a label image with other metadata; closing it closes the image. See `OpenImage`.

    Pixels of 64 bits, which OME-TIFF does not have, are shown as ``uint32`` where all values fit.

    Parameters
    ----------
    source
        The metadata of the image that is labelled, if it is known.
    limits
        The smallest and the largest value.
    """

    def __init__(
        self, labels: OpenImage, *, source: ImageMetadata | None, name: str, limits: tuple[int, int]
    ) -> None:
        self._labels = labels
        wanted = label_metadata(labels.metadata, source, name=name)
        self._dtype = _narrowed(wanted.dtype, limits)
        self._metadata = ImageMetadata(
            name=wanted.name, axes=wanted.axes, shape=wanted.shape, dtype=self._dtype, scale=wanted.scale
        )

    @property
    def metadata(self) -> ImageMetadata:
        """See `OpenImage.metadata`."""
        return self._metadata

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`."""
        return self._labels.block_shape

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """See `OpenImage.read`."""
        # Both call the same planes by other axes, in the same order.
        outer, own = self._metadata, self._labels.metadata
        plane = (t * outer.size("c") + c) * outer.size("z") + z
        own_tc, own_z = divmod(plane, own.size("z"))
        own_t, own_c = divmod(own_tc, own.size("c"))
        return self._labels.read(t=own_t, c=own_c, z=own_z, y=y, x=x).astype(self._dtype, copy=False)

    def __enter__(self) -> Self:
        self._labels.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._labels.__exit__(kind, error, traceback)


def _narrowed(dtype: str, limits: tuple[int, int]) -> str:
    narrow = _NARROWER.get(dtype, dtype)
    smallest, largest = limits
    bounds = np.iinfo(narrow)
    return narrow if bounds.min <= smallest and largest <= bounds.max else dtype
