"""The words of OME-TIFF for what an OME-Zarr says of an image."""

from __future__ import annotations

from typing import Any

from zarr_image import Channel, ZarrImage

_LENGTHS = {
    "yottameter": "Ym", "zettameter": "Zm", "exameter": "Em", "petameter": "Pm", "terameter": "Tm",
    "gigameter": "Gm", "megameter": "Mm", "kilometer": "km", "hectometer": "hm", "meter": "m",
    "decimeter": "dm", "centimeter": "cm", "millimeter": "mm", "micrometer": "µm", "nanometer": "nm",
    "picometer": "pm", "femtometer": "fm", "attometer": "am", "zeptometer": "zm", "yoctometer": "ym",
    "angstrom": "Å", "inch": "in", "foot": "ft", "yard": "yd", "mile": "mi", "parsec": "pc",
}  # fmt: skip
_TIMES = {
    "yottasecond": "Ys", "zettasecond": "Zs", "exasecond": "Es", "petasecond": "Ps", "terasecond": "Ts",
    "gigasecond": "Gs", "megasecond": "Ms", "kilosecond": "ks", "hectosecond": "hs", "second": "s",
    "decisecond": "ds", "centisecond": "cs", "millisecond": "ms", "microsecond": "µs", "nanosecond": "ns",
    "picosecond": "ps", "femtosecond": "fs", "attosecond": "as", "zeptosecond": "zs", "yoctosecond": "ys",
    "minute": "min", "hour": "h", "day": "d",
}  # fmt: skip

_COLOR_DIGITS = 6


def ome_metadata(image: ZarrImage, *, as_rgb: bool) -> dict[str, Any]:
    """Return what tifffile writes as OME-XML. A size whose unit OME does not know is left out."""
    axes = image.axes.upper()
    metadata: dict[str, Any] = {
        "axes": axes.replace("C", "") + "S" if as_rgb else axes,
        "Name": _valid(image.name),
    }
    for axis in "xyz":
        size, unit = image.sizes.get(axis, (0.0, ""))
        if unit in _LENGTHS:
            metadata[f"PhysicalSize{axis.upper()}"] = size
            metadata[f"PhysicalSize{axis.upper()}Unit"] = _LENGTHS[unit]
    size, unit = image.sizes.get("t", (0.0, ""))
    if unit in _TIMES:
        metadata["TimeIncrement"] = size
        metadata["TimeIncrementUnit"] = _TIMES[unit]
    if image.channels and not as_rgb:
        metadata["Channel"] = [_channel(channel) for channel in image.channels]
    return metadata


def _channel(channel: Channel) -> dict[str, Any]:
    described: dict[str, Any] = {}
    if channel.name is not None:
        described["Name"] = _valid(channel.name)
    if channel.color is not None and len(channel.color) == _COLOR_DIGITS:
        try:
            opaque = int(channel.color, 16) << 8 | 0xFF
        except ValueError:
            return described
        # OME keeps red, green, blue and opacity in one signed number of 32 bits.
        described["Color"] = opaque - 2**32 if opaque >= 2**31 else opaque
    return described


def _valid(text: str) -> str:
    """Return a text without what XML 1.0 cannot hold: control characters, lone surrogates."""
    allowed = (c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text)
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" or c in "\ufffe\uffff" else c for c in allowed)
