"""Understanding the metadata of an OME-Zarr image; display settings leniently, the rest strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biomero.adapters.ngff.groups import Group
from biomero.adapters.ngff.multiscale import RGB_ATTRIBUTES
from biomero.domain.imaging import AXES, Channel, DisplayWindow, Quantity
from biomero.errors import ImageReadError


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the metadata of an image says, before its arrays are opened.

    Parameters
    ----------
    axes
        Names of the axes, in the order of the arrays.
    """

    name: str
    axes: str
    level: str
    scale: Mapping[str, Quantity]
    channels: tuple[Channel, ...]
    is_rgb: bool


def describe(group: Group) -> Description:
    """Read a group's first multiscale image.

    Raises
    ------
    ImageReadError
        If there is none, or it is not of version 0.4 or 0.5.
    """
    try:
        multiscale = group.ome["multiscales"][0]
        _check_version(group, multiscale)
        axes = _axes(group, multiscale["axes"])
        level = multiscale["datasets"][0]
        name = multiscale.get("name")
        return Description(
            name=str(name) if name else _folder_name(group),
            axes=axes,
            level=str(level["path"]),
            scale=_scale(multiscale, level),
            channels=_channels(group.ome.get("omero")),
            is_rgb=_is_rgb(group, axes),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as exc:
        if isinstance(exc, ImageReadError):
            raise
        raise ImageReadError(
            f"{group.path} is not an OME-Zarr image: its metadata has no valid multiscales ({exc!r})"
        ) from exc


def _check_version(group: Group, multiscale: Mapping[str, Any]) -> None:
    version = multiscale.get("version", group.ome.get("version", group.format.version))
    if version != group.format.version:
        raise ImageReadError(f"{group.path} is OME-Zarr {version}; versions 0.4 and 0.5 can be read")


def _axes(group: Group, axes: Sequence[Mapping[str, Any]]) -> str:
    names = [str(axis["name"]).lower() for axis in axes]
    if any(n not in AXES or not n for n in names) or len(set(names)) != len(names):
        raise ImageReadError(f"{group.path}: axes may be t, c, z, y and x, not {', '.join(names)}")
    return "".join(names)


def _scale(multiscale: Mapping[str, Any], level: Mapping[str, Any]) -> dict[str, Quantity]:
    axes = multiscale["axes"]
    factors = [1.0] * len(axes)
    transforms = [*level["coordinateTransformations"], *(multiscale.get("coordinateTransformations") or ())]
    for transform in transforms:
        if transform.get("type") == "scale" and "scale" in transform:
            factors = [a * float(b) for a, b in zip(factors, transform["scale"], strict=True)]
    # A size without a unit is a number that nobody can use: it is left out.
    return {
        str(axis["name"]).lower(): Quantity(value=factor, unit=str(axis["unit"]))
        for axis, factor in zip(axes, factors, strict=True)
        if axis.get("unit") and axis["name"] != "c"
    }


def _channels(omero: object) -> tuple[Channel, ...]:
    entries = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return ()
    return tuple(
        Channel(
            name=str(entry["label"]) if entry.get("label") is not None else None,
            color=str(entry["color"]).lstrip("#").upper() if entry.get("color") else None,
            window=_window(entry.get("window")),
        )
        for entry in entries
    )


def _window(window: object) -> DisplayWindow | None:
    if not isinstance(window, dict):
        return None
    values = [window.get(key) for key in ("start", "end", "min", "max")]
    numbers = [v for v in values if isinstance(v, int | float)]
    if len(numbers) != len(values):
        return None
    start, end, low, high = numbers
    return DisplayWindow(start=start, end=end, min=low, max=high)


def _is_rgb(group: Group, axes: str) -> bool:
    ours = group.other.get("biomero")
    return "c" in axes and isinstance(ours, dict) and ours.get("rgb") is RGB_ATTRIBUTES["biomero"]["rgb"]


def _folder_name(group: Group) -> str:
    return group.path.name.removesuffix(".zarr").removesuffix(".ome")
