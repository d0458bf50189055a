"""Metadata from the sizes that a library reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from biomero.domain.imaging import AXES, RGB_CHANNELS, Channel, ImageMetadata, Quantity


def describe(
    name: str,
    sizes: Mapping[str, int],
    dtype: str,
    *,
    scale: Mapping[str, Quantity | None],
    channels: Sequence[Channel] = (),
    is_rgb: bool = False,
) -> ImageMetadata:
    """Return the metadata of an image.

    Parameters
    ----------
    sizes
        Sizes along t, c, z, y and x; axes of one plane are left out of the image's.
    scale
        Sizes of a pixel; None where one is not known.
    channels
        Left out where they are not as many as the ``c`` axis is long, or say nothing.
    """
    axes = "".join(axis for axis in AXES if axis in "yx" or sizes.get(axis, 1) > 1)
    metadata = ImageMetadata(
        name=name,
        axes=axes,
        shape=tuple(int(sizes[axis]) for axis in axes),
        dtype=dtype,
        scale={axis: size for axis, size in scale.items() if size is not None and axis in axes},
    )
    if is_rgb and metadata.size("c") == len(RGB_CHANNELS):
        return replace(metadata, channels=RGB_CHANNELS, is_rgb=True)
    fits = len(channels) == metadata.size("c") and any(channel != Channel() for channel in channels)
    return replace(metadata, channels=tuple(channels)) if fits else metadata
