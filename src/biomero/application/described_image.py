"""An image of which something else is known than what it says itself."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage
from biomero.domain.imaging import ImageMetadata


class DescribedImage:
    """The pixels of an image with other metadata; closing it closes the image. See `OpenImage`."""

    def __init__(self, image: OpenImage, metadata: ImageMetadata) -> None:
        self._image = image
        self._metadata = metadata

    @property
    def metadata(self) -> ImageMetadata:
        """See `OpenImage.metadata`."""
        return self._metadata

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`."""
        return self._image.block_shape

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """See `OpenImage.read`."""
        return self._image.read(t=t, c=c, z=z, y=y, x=x)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._image.__exit__(kind, error, traceback)
