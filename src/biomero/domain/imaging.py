"""What we know of an image beside its pixels, in the words of OME."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

AXES = "tczyx"
"""The axes of a microscopy image, in the one order in which we keep them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A value with its unit, spelt as OME-NGFF spells units (``micrometer``, ``second``)."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayWindow:
    """The intensities between which a channel is shown (``start``, ``end``), and its limits."""

    start: float
    end: float
    min: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel: its name, its colour (six hexadecimal digits) and its display window."""

    name: str | None = None
    color: str | None = None
    window: DisplayWindow | None = None


RGB_CHANNELS = (
    Channel(name="Red", color="FF0000"),
    Channel(name="Green", color="00FF00"),
    Channel(name="Blue", color="0000FF"),
)
"""The channels of a colour picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMetadata:
    """Everything about an image that has to survive a change of format.

    Parameters
    ----------
    name
        The image's own name, free text.
    axes
        The axes that the image has: some of ``tczyx``, in that order, always with ``yx``.
    shape
        Sizes along `axes`.
    dtype
        numpy's name of the pixel type, such as ``uint16``.
    scale
        Size of a pixel along an axis (``x``, ``y``, ``z``: a length; ``t``: a time). Axes whose
        size is unknown are absent.
    channels
        As many as the ``c`` axis is long, or none where nothing is known of them.
    is_rgb
        The channels are the red, green and blue of one colour picture.
    """

    name: str
    axes: str
    shape: tuple[int, ...]
    dtype: str
    scale: Mapping[str, Quantity] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    is_rgb: bool = False

    def __post_init__(self) -> None:
        if len(self.axes) != len(self.shape):
            raise ValueError(f"{len(self.axes)} axes ({self.axes}) but {len(self.shape)} sizes")
        if "".join(a for a in AXES if a in self.axes) != self.axes or not self.axes.endswith("yx"):
            raise ValueError(f"axes are some of {AXES} in that order and end with yx, not {self.axes!r}")
        if self.channels and len(self.channels) != self.size("c"):
            raise ValueError(f"{self.size('c')} channels but {len(self.channels)} descriptions of them")

    def size(self, axis: str) -> int:
        """Return the size along an axis; 1 for an axis that the image does not have."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def planes(self) -> int:
        """How many planes of shape (y, x) the image has."""
        return self.size("t") * self.size("c") * self.size("z")
