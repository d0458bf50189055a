"""What we say about an image in OME-Zarr: axes, levels, channels. The same words in 0.4 and 0.5."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from biomero.adapters.ngff.layout import Level
from biomero.domain.imaging import Channel, DisplayWindow, ImageMetadata

RGB_ATTRIBUTES = {"biomero": {"rgb": True}}
"""Says that three channels are one colour picture, for which OME-Zarr has no word."""

RGB_CHANNELS = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"))

_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_COLORS = ("FFFFFF",), ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF", "FFFFFF")


def clean_text(text: str) -> str:
    """Return a text without the lone surrogates that file names may hold and JSON readers refuse."""
    return text.encode(errors="replace").decode()


def multiscales(metadata: ImageMetadata, levels: Sequence[Level], *, method: str) -> list[dict[str, Any]]:
    """Return the ``multiscales`` of an image.

    Levels carry a scale and no translation: 0.4 and 0.5 do not say whether a pixel's coordinate is its
    corner or its centre, and the corner of every level's first pixel is the same.
    """
    axes = [_axis(metadata, name) for name in metadata.axes]
    datasets = [
        {
            "path": str(index),
            "coordinateTransformations": [{"type": "scale", "scale": _scale(metadata, 2**index)}],
        }
        for index in range(len(levels))
    ]
    return [
        {
            "name": clean_text(metadata.name),
            "axes": axes,
            "datasets": datasets,
            "type": method,
            "metadata": {"description": "y and x are halved from level to level"},
        }
    ]


def _axis(metadata: ImageMetadata, name: str) -> dict[str, str]:
    axis = {"name": name, "type": _TYPES[name]}
    if name in metadata.scale and name != "c":
        axis["unit"] = metadata.scale[name].unit
    return axis


def _scale(metadata: ImageMetadata, factor: int) -> list[float]:
    sizes = [metadata.scale[a].value if a in metadata.scale and a != "c" else 1.0 for a in metadata.axes]
    return [size * factor if a in "yx" else size for a, size in zip(metadata.axes, sizes, strict=True)]


def omero(metadata: ImageMetadata, ranges: Mapping[int, tuple[float, float]]) -> dict[str, Any]:
    """Return the ``omero`` block: how each channel is called and shown.

    Parameters
    ----------
    ranges
        Smallest and largest pixel of each channel, for windows that the metadata does not give.
    """
    count = metadata.size("c")
    known = metadata.channels or (Channel(),) * count
    colors = _COLORS[0] if count == 1 else _COLORS[1]
    channels = []
    for index, channel in enumerate(known):
        name, color = channel.name, channel.color
        if metadata.is_rgb and count == len(RGB_CHANNELS):
            name, color = name or RGB_CHANNELS[index][0], RGB_CHANNELS[index][1]
        window = channel.window or _window(metadata, ranges.get(index, (0, 0)))
        entry: dict[str, Any] = {
            "active": True,
            "color": (color or colors[index % len(colors)]).lstrip("#").upper(),
            "coefficient": 1,
            "family": "linear",
            "inverted": False,
            "window": {"start": window.start, "end": window.end, "min": window.min, "max": window.max},
        }
        if name is not None:
            entry["label"] = clean_text(name)
        channels.append(entry)
    model = "greyscale" if count == 1 else "color"
    return {
        "name": clean_text(metadata.name),
        "channels": channels,
        "rdefs": {"model": model, "defaultT": 0, "defaultZ": metadata.size("z") // 2},
    }


def _window(metadata: ImageMetadata, found: tuple[float, float]) -> DisplayWindow:
    dtype = np.dtype(metadata.dtype)
    low: float
    high: float
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        low, high = int(limits.min), int(limits.max)
    elif dtype.kind == "b":
        low, high = 0, 1
    else:
        low, high = found[0], max(found[1], math.nextafter(found[0], math.inf))
    if metadata.is_rgb or dtype.kind == "b":
        return DisplayWindow(start=low, end=high, min=low, max=high)
    # A window of no width would make viewers divide by zero.
    start, end = found if found[0] < found[1] else (low, high)
    return DisplayWindow(start=start, end=end, min=low, max=high)
