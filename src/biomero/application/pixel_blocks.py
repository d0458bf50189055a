"""Going through the pixels of an image piece by piece, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biomero.application.ports.image_source import OpenImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EDGE = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A piece of one plane."""

    t: int
    c: int
    z: int
    y: slice
    x: slice

    def read(self, image: OpenImage) -> NDArray[Any]:
        """Return the pixels of an image here, of shape (y, x)."""
        return image.read(t=self.t, c=self.c, z=self.z, y=self.y, x=self.x)


def pixel_windows(image: OpenImage) -> Iterator[Window]:
    """Yield pieces that are cheap to read and cover an image once."""
    metadata = image.metadata
    height, width = metadata.shape[-2:]
    step_y, step_x = _steps(*image.block_shape)
    for t in range(metadata.size("t")):
        for c in range(metadata.size("c")):
            for z in range(metadata.size("z")):
                for y in range(0, height, step_y):
                    for x in range(0, width, step_x):
                        yield Window(
                            t=t,
                            c=c,
                            z=z,
                            y=slice(y, min(y + step_y, height)),
                            x=slice(x, min(x + step_x, width)),
                        )


def pixel_blocks(image: OpenImage) -> Iterator[NDArray[Any]]:
    """Yield every pixel of an image once, in pieces of shape (y, x) that are cheap to read.

    Raises
    ------
    ImageReadError
        If pixels are damaged.
    """
    return (window.read(image) for window in pixel_windows(image))


def _steps(block_y: int, block_x: int) -> tuple[int, int]:
    """Whole blocks, as many as come near to the number of pixels that we like."""
    step_x = block_x * max(1, _EDGE // block_x)
    step_y = block_y * max(1, _EDGE * _EDGE // step_x // block_y)
    return step_y, step_x
