"""Lengths: the diameter of a nucleus in pixels, along axes whose pixels are not equally long."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What one diameter is in pixels.

    Parameters
    ----------
    diameter
        Typical diameter of a nucleus, in pixels along x.
    spacing
        Length of a pixel along each axis, (z, y, x) or (y, x), where 1 is that along x.
    """

    diameter: float
    spacing: tuple[float, ...]

    def pixels(self, diameters: float) -> tuple[float, ...]:
        """Return a length, given in diameters, in pixels along each axis."""
        return tuple(diameters * self.diameter / step for step in self.spacing)

    @property
    def typical_size(self) -> float:
        """The number of pixels in a nucleus of typical diameter."""
        dimensions = len(self.spacing)
        return math.pi / (2 * dimensions) * self.diameter**dimensions / math.prod(self.spacing)

    def shrunk(self, factor: int) -> Scale:
        """Return the scale of the image of which x and y were shrunk by a factor."""
        planes = tuple(step / factor for step in self.spacing[:-2])
        return Scale(diameter=self.diameter / factor, spacing=(*planes, *self.spacing[-2:]))
