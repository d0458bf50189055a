"""Physical sizes of pixels, in micrometres."""

from __future__ import annotations

import math

from label_measurements.images import Image

_MICROMETRES = {"m": 1e6, "cm": 1e4, "mm": 1e3, "µm": 1.0, "μm": 1.0, "nm": 1e-3, "pm": 1e-6, "Å": 1e-4}


def pixel_lengths_um(image: Image) -> tuple[float | None, ...]:
    """Return the length of a pixel along z, y and x; ``None`` where the file does not say."""
    return tuple(_length(image, axis) for axis in "ZYX")


def size_um(lengths: tuple[float | None, ...]) -> float | None:
    """Return the area or volume of a pixel, if all its lengths are known."""
    known = [length for length in lengths if length is not None]
    return math.prod(known) if len(known) == len(lengths) else None


def _length(image: Image, axis: str) -> float | None:
    value = image.sizes.get(f"PhysicalSize{axis}")
    factor = _MICROMETRES.get(str(image.sizes.get(f"PhysicalSize{axis}Unit")))
    return value * factor if isinstance(value, float) and value > 0 and factor else None
