"""The ways of TIFF writers other than OME to say pixel sizes and channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from tifffile import TiffFile, TiffPage, TiffPageSeries

from biomero.domain import units
from biomero.domain.imaging import Channel, DisplayWindow, Quantity

_COARSEST_UM = 20.0
"""Resolution tags that say more than this are those of a printer or a screen (72 dpi is 353 µm)."""

_UM_IN = {2: 25_400.0, 3: 10_000.0}  # TIFF's ResolutionUnit: inch, centimetre


def imagej_description(tif: TiffFile, channels: int) -> tuple[dict[str, Quantity], tuple[Channel, ...]]:
    """Read the description that ImageJ keeps in its first page."""
    found = tif.imagej_metadata or {}
    unit = _text(found.get("unit"))
    scale: dict[str, Quantity | None] = {
        "z": units.length(_number(found.get("spacing")), unit),
        "t": units.time(_number(found.get("finterval")), _text(found.get("tunit")) or "s"),
    }
    for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
        per_unit = _ratio(tif.pages.first, tag)
        scale[axis] = units.length(1 / per_unit, unit) if per_unit else None
    return {k: v for k, v in scale.items() if v}, _imagej_channels(found, channels, str(tif.series[0].dtype))


def _imagej_channels(found: dict[str, Any], count: int, dtype: str) -> tuple[Channel, ...]:
    labels = _listed(found.get("Labels"))
    tables = _listed(found.get("LUTs"))
    ranges = np.asarray(found.get("Ranges", ()), dtype=np.float64).ravel()
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    channels = []
    for c in range(count):
        window = None
        if ranges.size >= 2 * (c + 1):
            start, end = float(ranges[2 * c]), float(ranges[2 * c + 1])
            low, high = (float(limits.min), float(limits.max)) if limits else (start, end)
            window = DisplayWindow(start=start, end=end, min=low, max=high)
        channels.append(
            Channel(
                # one label a plane: they name channels only where there are as many
                name=_text(labels[c]) or None if len(labels) == count else None,
                color=_brightest(tables[c]) if len(tables) == count else None,
                window=window,
            )
        )
    return tuple(channels)


def _brightest(table: object) -> str | None:
    colours = np.asarray(table)
    if colours.shape != (3, 256):
        return None
    return "".join(f"{int(value):02X}" for value in colours[:, -1])


def lsm_description(found: dict[str, Any], channels: int) -> tuple[dict[str, Quantity], tuple[Channel, ...]]:
    """Read Zeiss's description of an LSM file; its lengths are in metres."""
    scale = {axis: units.length(_number(found.get(f"VoxelSize{axis.upper()}")) * 1e6, "µm") for axis in "xyz"}
    scale["t"] = units.time(_number(found.get("TimeIntervall")), "s")  # spelt so in the files
    colours = found.get("ChannelColors") or {}
    names = _listed(colours.get("ColorNames"))
    values = _listed(colours.get("Colors"))
    described = tuple(
        Channel(
            name=_text(names[c]) or None if c < len(names) else None,
            color="".join(f"{int(v):02X}" for v in values[c][:3]) if c < len(values) else None,
        )
        for c in range(channels)
    )
    return {k: v for k, v in scale.items() if v}, described


def other_scale(tif: TiffFile, series: TiffPageSeries) -> dict[str, Quantity]:
    """Read pixel sizes from a slide scanner's or STK's description, else from the resolution tags."""
    found: dict[str, Quantity | None] = {}
    if tif.is_svs:
        mpp = _number(_svs(series.keyframe.description).get("MPP"))
        found = {axis: units.length(mpp, "µm") for axis in "yx"}
    elif tif.is_stk:
        stk = tif.stk_metadata or {}
        unit = _text(stk.get("CalibrationUnits")) or "µm"
        found = {axis: units.length(_number(stk.get(f"{axis.upper()}Calibration")), unit) for axis in "yx"}
        distances = np.asarray(stk.get("ZDistance", ()), dtype=np.float64).ravel()
        found["z"] = units.length(float(distances[0]), "µm") if distances.size else None
    if not any(found.values()):
        found = {"x": _printed(series.keyframe, "XResolution"), "y": _printed(series.keyframe, "YResolution")}
    return {k: v for k, v in found.items() if v}


def _svs(description: str) -> dict[str, str]:
    # Aperio ends its description with settings like "AppMag = 20", separated by bars
    pairs = (part.partition("=") for part in description.split("|"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def _printed(page: TiffPage, tag: str) -> Quantity | None:
    per_unit = _ratio(page, tag)
    um = _UM_IN.get(int(page.tags.valueof("ResolutionUnit", 2)))
    if not per_unit or um is None or um / per_unit > _COARSEST_UM:
        return None
    return units.length(um / per_unit, "µm")


def _ratio(page: TiffPage, tag: str) -> float:
    value = page.tags.valueof(tag)
    if not isinstance(value, tuple) or len(value) != 2 or not value[1]:  # noqa: PLR2004 - a rational
        return 0.0
    return float(value[0]) / float(value[1])


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # what is no number is caught
    except (TypeError, ValueError):
        return float("nan")


def _text(value: object) -> str:
    # ImageJ writes the micro sign as an escape
    return value.replace("\\u00B5", "µ").strip("\0 ") if isinstance(value, str) else ""


def _listed(value: object) -> list[Any]:
    if isinstance(value, np.ndarray):  # tifffile unpacks lists of one table
        return [value]
    return list(value) if isinstance(value, list | tuple) else []
