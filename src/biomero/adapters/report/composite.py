"""Channels put together into one colour picture."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.report.reduced import reduced_channel
from biomero.application.ports.image_source import OpenImage
from biomero.domain.imaging import Channel

_DARKEST, _BRIGHTEST = 0.5, 99.8
"""Percentiles that become black and full colour: a few hot pixels must not darken all the others."""

_PALETTE = ("3366FF", "33DD33", "FF3333", "FF33FF", "33DDDD", "DDDD33", "FFFFFF")
_MOST_CHANNELS = len(_PALETTE)
_SEEN_APART = 2
_BYTE = 255


def composite(image: OpenImage, *, factor: int) -> NDArray[np.uint8]:
    """Return a picture of shape (y, x, 3), red first, contrast stretched channel by channel.

    One channel is grey. Colours are those of the metadata, if these tell the channels apart.
    """
    metadata = image.metadata
    count = min(metadata.size("c"), _MOST_CHANNELS)
    planes = [reduced_channel(image, c=c, factor=factor) for c in range(count)]
    if metadata.is_rgb and count == len("rgb"):
        return _rgb(np.dstack(planes), is_byte=metadata.dtype == "uint8")
    if count == 1:
        return np.repeat(_to_bytes(_stretched(planes[0]))[..., None], 3, axis=2)
    colours = _colours(metadata.channels[:count], count)
    total = np.zeros((*planes[0].shape, 3), dtype=np.float32)
    for plane, colour in zip(planes, colours, strict=True):
        total += _stretched(plane)[..., None] * colour
    return _to_bytes(total)


def hue_colour(hue: float) -> tuple[float, float, float]:
    """Return a bright colour of a hue from 0 to 1: red, green and blue from 0 to 1."""
    return colorsys.hsv_to_rgb(hue % 1.0, 0.85, 1.0)


def _rgb(picture: NDArray[np.float32], *, is_byte: bool) -> NDArray[np.uint8]:
    # Colours of one picture are stretched together, or not at all: else they would become others.
    return picture.round().astype(np.uint8) if is_byte else _to_bytes(_stretched(picture))


def _stretched(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = np.percentile(plane, [_DARKEST, _BRIGHTEST])
    if high <= low:
        low, high = plane.min(), plane.max()
    if high <= low:
        return np.zeros_like(plane)
    stretched: NDArray[np.float32] = np.clip((plane - low) / (high - low), 0, 1, dtype=np.float32)
    return stretched


def _to_bytes(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (np.clip(picture, 0, 1) * _BYTE).round().astype(np.uint8)


def _colours(channels: tuple[Channel, ...], count: int) -> list[NDArray[Any]]:
    named = [channel.color for channel in channels]
    known = [colour for colour in named if colour]
    chosen = known if len(known) == count and len(set(known)) >= min(count, _SEEN_APART) else _PALETTE[:count]
    return [np.array([int(c[i : i + 2], 16) / _BYTE for i in (0, 2, 4)], dtype=np.float32) for c in chosen]
