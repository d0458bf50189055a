"""Images to be read, whatever holds them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from biomero.domain.imaging import ImageMetadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class OpenImage(Protocol):
    """An image whose pixels can be read piece by piece. One thread at a time."""

    @property
    def metadata(self) -> ImageMetadata:
        """What is known of the image."""
        ...

    @property
    def block_shape(self) -> tuple[int, int]:
        """The shape (y, x) of a piece that is cheap to read; at most the plane's."""
        ...

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """Read a piece of one plane.

        Returns
        -------
        array, shape (y, x), in the dtype of the metadata

        Raises
        ------
        ImageReadError
            If the pixels are damaged or missing.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class ImageSource(Protocol):
    """Opens images that lie in files or folders."""

    def images_in(self, path: Path) -> int:
        """Return how many images (series, scenes) the file holds.

        Raises
        ------
        ImageReadError
            If it cannot be read as an image.
        """
        ...

    def open(self, path: Path, *, index: int = 0) -> OpenImage:
        """Open an image of a file or an OME-Zarr folder.

        Raises
        ------
        ImageReadError
            If it cannot be read: the message names the file and says what is wrong.
        """
        ...
