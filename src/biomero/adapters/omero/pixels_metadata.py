"""What OMERO knows of an image's pixels, in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biomero.adapters.omero.queries import Questions
from biomero.domain import units
from biomero.domain.imaging import AXES, RGB_CHANNELS, Channel, DisplayWindow, ImageMetadata, Quantity
from biomero.errors import ImageReadError, OmeroObjectError, UnsupportedImageError

_PIXELS = (
    "select p from Pixels p join fetch p.pixelsType left outer join fetch p.channels c "
    "left outer join fetch c.statsInfo left outer join fetch c.logicalChannel lc "
    "left outer join fetch lc.photometricInterpretation where p.image.id = :id"
)
_IMAGE = "select i from Image i where i.id = :id"
_SETTINGS = (
    "select r from RenderingDef r left outer join fetch r.waveRendering where r.pixels.id = :id order by r.id"
)

_DTYPES = {
    "bit": "uint8",  # a byte each
    "int8": "int8",
    "uint8": "uint8",
    "int16": "int16",
    "uint16": "uint16",
    "int32": "int32",
    "uint32": "uint32",
    "float": "float32",
    "double": "float64",
}
_LARGEST_BYTE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelsDescription:
    """An image's pixels: their own id, whose they are, and what is known of them."""

    id: int
    image_id: int
    group_id: int
    series: int
    metadata: ImageMetadata


def describe_pixels(questions: Questions, image_id: int, *, user_id: int) -> PixelsDescription:
    """Ask for an image's pixels.

    Parameters
    ----------
    user_id
        Who asks: channels are shown as they set them, or else as the image's owner did.

    Raises
    ------
    OmeroObjectError
        If there is no such image, or the user may not see it.
    ImageReadError
        If it has no pixels, or OMERO's type of them is none of ours.
    """
    images = questions.objects(_IMAGE, id=image_id)
    if not images:
        raise OmeroObjectError(
            f"there is no Image:{image_id} at {questions.place}, or the user may not see it"
        )
    image = images[0]
    name = f"Image:{image_id} ({image.name.val})"
    found = questions.objects(_PIXELS, id=image_id)
    if not found:
        raise ImageReadError(f"{name} has no pixels")
    pixels = min(found, key=lambda one: int(one.id.val))
    owners = (user_id, int(image.details.owner.id.val))
    settings = _preferred(questions.objects(_SETTINGS, id=pixels.id.val), owners)
    return PixelsDescription(
        id=int(pixels.id.val),
        image_id=image_id,
        group_id=int(pixels.details.group.id.val),
        series=image.series.val if image.series is not None else 0,
        metadata=_metadata(pixels, settings, name=image.name.val, called=name),
    )


def _preferred(settings: Sequence[Any], owners: Sequence[int]) -> Any:
    by_owner = {int(one.details.owner.id.val): one for one in settings}
    return next((by_owner[owner] for owner in owners if owner in by_owner), None)


def _metadata(pixels: Any, settings: Any, *, name: str, called: str) -> ImageMetadata:
    sizes = {axis: getattr(pixels, f"size{axis.upper()}").val for axis in AXES}
    if min(sizes.values()) < 1:
        raise ImageReadError(f"{called} has no pixels: its sizes are {sizes}")
    kind = pixels.pixelsType.value.val
    if kind not in _DTYPES:
        raise UnsupportedImageError(f"{called} has pixels of the type {kind}, which no format here keeps")
    axes = "".join(axis for axis in AXES if axis in "yx" or sizes[axis] > 1)
    is_rgb = _is_rgb(pixels)
    channels = RGB_CHANNELS if is_rgb else _channels(pixels, settings)
    says_something = len(channels) == sizes["c"] and any(channel != Channel() for channel in channels)
    scale = _scale(pixels)
    return ImageMetadata(
        name=name,
        axes=axes,
        shape=tuple(sizes[axis] for axis in axes),
        dtype=_DTYPES[kind],
        scale={axis: scale[axis] for axis in axes if axis in scale},
        channels=channels if says_something else (),
        is_rgb=is_rgb,
    )


def _is_rgb(pixels: Any) -> bool:
    """Say whether the three channels are the samples of one: only OMERO knows it, colours do not tell."""
    logical = [channel.logicalChannel for channel in pixels.copyChannels() if channel is not None]
    if len(logical) != len(RGB_CHANNELS) or None in logical:
        return False
    samples = {one.samplesPerPixel.val if one.samplesPerPixel is not None else 1 for one in logical}
    return len({one.id.val for one in logical}) == 1 and samples == {len(RGB_CHANNELS)}


def _scale(pixels: Any) -> Mapping[str, Quantity]:
    found = {axis: _length(getattr(pixels, f"physicalSize{axis.upper()}")) for axis in "zyx"}
    found["t"] = _time(pixels.timeIncrement)
    return {axis: quantity for axis, quantity in found.items() if quantity is not None}


def _length(value: Any) -> Quantity | None:
    return units.length(value.getValue(), value.getSymbol()) if value is not None else None


def _time(value: Any) -> Quantity | None:
    return units.time(value.getValue(), value.getSymbol()) if value is not None else None


def _channels(pixels: Any, settings: Any) -> tuple[Channel, ...]:
    bindings = settings.copyWaveRendering() if settings is not None else []
    channels = pixels.copyChannels()
    if len(bindings) != len(channels):
        bindings = [None] * len(channels)
    return tuple(_channel(*pair) for pair in zip(channels, bindings, strict=True))


def _channel(channel: Any, binding: Any) -> Channel:
    if channel is None:
        return Channel()
    return Channel(
        name=_name(channel.logicalChannel), color=_color(binding or channel), window=_window(channel, binding)
    )


def _name(logical: Any) -> str | None:
    """Return a channel's name, or what OMERO's own programs show where it has none: its wavelength."""
    if logical is None:
        return None
    if logical.name is not None and logical.name.val:
        return str(logical.name.val)
    return f"{logical.emissionWave.getValue():g}" if logical.emissionWave is not None else None


def _color(coloured: Any) -> str | None:
    parts = [coloured.red, coloured.green, coloured.blue]
    if any(part is None or not 0 <= part.val <= _LARGEST_BYTE for part in parts):
        return None
    return "".join(f"{part.val:02X}" for part in parts)


def _window(channel: Any, binding: Any) -> DisplayWindow | None:
    limits = channel.statsInfo
    known = _ends(limits.globalMin, limits.globalMax) if limits is not None else None
    shown = _ends(binding.inputStart, binding.inputEnd) if binding is not None else None
    start, end = shown or known or (None, None)
    if start is None or end is None:
        return None
    low, high = known or (start, end)
    return DisplayWindow(start=start, end=end, min=low, max=high)


def _ends(low: Any, high: Any) -> tuple[float, float] | None:
    return (float(low.val), float(high.val)) if low is not None and high is not None else None
