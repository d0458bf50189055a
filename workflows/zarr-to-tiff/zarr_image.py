"""Reading OME-Zarr 0.4 and 0.5 images: the level with most pixels, and what is known of it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore as ts

AXES = "tczyx"
RGB_SAMPLES = 3


class UnusableImageError(Exception):
    """An image that cannot be converted; the message says why."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel's name and colour (six hexadecimal digits), where they are known."""

    name: str | None
    color: str | None


@dataclass(frozen=True, slots=True)
class ZarrImage:
    """An open image.

    Parameters
    ----------
    axes, shape
        Some of ``tczyx`` in that order, and the sizes along them.
    sizes
        For axes whose pixel size is known: the size and its unit, as OME-Zarr spells it.
    chunk
        Shape of the piece that is decoded at once.
    """

    name: str
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    sizes: dict[str, tuple[float, str]]
    channels: tuple[Channel, ...]
    is_rgb: bool
    chunk: tuple[int, ...]
    array: ts.TensorStore

    def read(self, *region: int | slice) -> np.ndarray:
        """Return the pixels of a region, one index or slice for each axis."""
        try:
            return self.array[region].read(order="C").result()
        except (ValueError, RuntimeError, OSError) as exc:
            raise UnusableImageError(_brief(exc)) from exc


def usable_cpus() -> int:
    """Return how many CPUs this process may use: under Slurm, those of its task."""
    return len(os.sched_getaffinity(0))


def decoding_threads() -> int:
    """Return how many chunks are decoded at the same time."""
    return max(2, min(8, usable_cpus()))


def open_image(path: Path) -> ZarrImage:
    """Open the image in an OME-Zarr folder."""
    attributes, driver = _attributes(path)
    ome = attributes.get("ome", {}) if driver == "zarr3" else attributes
    try:
        multiscale = ome["multiscales"][0]
        names = "".join(str(axis["name"]).lower() for axis in multiscale["axes"])
        if not set("yx") <= set(names) <= set(AXES) or len(set(names)) != len(multiscale["axes"]):
            raise UnusableImageError(f"axes may be t, c, z, y and x, not {names}")
        level = multiscale["datasets"][0]
        sizes = _sizes(multiscale, level)
        array = _open_array(path / str(level["path"]), driver)
    except (KeyError, IndexError, TypeError, ValueError) as exc:
        raise UnusableImageError(f"its metadata has no valid multiscales ({exc!r})") from exc
    if array.rank != len(names):
        raise UnusableImageError(f"its pixels have {array.rank} dimensions, its axes are {names}")
    order = sorted(range(array.rank), key=lambda i: AXES.index(names[i]))
    array = array.transpose(order)
    axes = "".join(names[i] for i in order)
    shape = tuple(int(n) for n in array.shape)
    if 0 in shape:
        raise UnusableImageError(f"it has no pixels: its shape is {shape}")
    count = shape[axes.index("c")] if "c" in axes else 1
    return ZarrImage(
        name=str(multiscale.get("name") or path.name.removesuffix(".zarr").removesuffix(".ome")),
        axes=axes,
        shape=shape,
        dtype=np.dtype(array.dtype.numpy_dtype),
        sizes=sizes,
        channels=_channels(ome.get("omero"), count),
        is_rgb=_is_rgb(attributes) and count == RGB_SAMPLES,
        chunk=tuple(min(c or s, s) for c, s in zip(array.chunk_layout.read_chunk.shape, shape, strict=True)),
        array=array,
    )


def _attributes(path: Path) -> tuple[dict[str, Any], str]:
    for name, driver in (("zarr.json", "zarr3"), (".zattrs", "zarr")):
        file = path / name
        if file.is_file():
            try:
                document = json.loads(file.read_bytes())
                return (document.get("attributes", {}) if driver == "zarr3" else document), driver
            except (ValueError, AttributeError) as exc:
                raise UnusableImageError(f"{name} is damaged: {exc}") from exc
    raise UnusableImageError(f"{path} is not an OME-Zarr image: it has neither zarr.json nor .zattrs")


def _open_array(path: Path, driver: str) -> ts.TensorStore:
    context = ts.Context(
        {
            "cache_pool": {"total_bytes_limit": 0},
            "data_copy_concurrency": {"limit": decoding_threads()},
            "file_io_concurrency": {"limit": decoding_threads()},
        }
    )
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}
    try:
        return ts.open(spec, open=True, read=True, context=context).result()
    except (ValueError, RuntimeError, OSError) as exc:
        raise UnusableImageError(_brief(exc)) from exc


def _sizes(multiscale: dict[str, Any], level: dict[str, Any]) -> dict[str, tuple[float, str]]:
    axes = multiscale["axes"]
    factors = [1.0] * len(axes)
    transforms = [*level["coordinateTransformations"], *(multiscale.get("coordinateTransformations") or ())]
    for transform in transforms:
        if transform.get("type") == "scale" and "scale" in transform:
            factors = [a * float(b) for a, b in zip(factors, transform["scale"], strict=True)]
    return {
        str(axis["name"]).lower(): (factor, str(axis["unit"]))
        for axis, factor in zip(axes, factors, strict=True)
        if axis.get("unit") and math.isfinite(factor) and factor > 0
    }


def _channels(omero: object, count: int) -> tuple[Channel, ...]:
    entries = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(entries, list) or len(entries) != count:
        return ()
    if not all(isinstance(entry, dict) for entry in entries):
        return ()
    return tuple(
        Channel(
            name=None if entry.get("label") is None else str(entry["label"]),
            color=str(entry["color"]).lstrip("#") if entry.get("color") else None,
        )
        for entry in entries
    )


def _is_rgb(attributes: dict[str, Any]) -> bool:
    # BIOMERO's own word, as OME-Zarr has none for three channels that are one colour picture.
    ours = attributes.get("biomero")
    return isinstance(ours, dict) and ours.get("rgb") is True


def _brief(exc: Exception) -> str:
    # tensorstore appends the whole JSON of what was opened, which tells people nothing.
    return str(exc).split(" [tensorstore_spec=", 1)[0]
