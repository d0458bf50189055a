"""Reads TIFF images whatever their axes, and writes label images as OME-TIFF."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import tifffile
from numpy.typing import NDArray

SUFFIXES = (".tif", ".tiff")
AXES = "TCZYX"
_SPACING_LIMIT = 10.0
"""Planes further apart than so many pixels are a mistake in the metadata, or not one stack."""
_BIG_TIFF_BYTES = 3_900_000_000


class UnsuitableImageError(ValueError):
    """An image cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image.

    Parameters
    ----------
    pixels, shape (t, c, z, y, x)
        Axes that the file lacks have length 1.
    axes
        Those that the file has, in the order of `AXES`.
    sizes
        Attributes of OME's ``Pixels`` on the size of a pixel and their units, such as ``PhysicalSizeX``.
    """

    pixels: NDArray[Any]
    axes: str
    sizes: Mapping[str, float | str] = field(default_factory=dict)


def stem(path: Path) -> str:
    """Return the name of an image without ``.tif``, ``.tiff`` or ``.ome.tif``."""
    name = path.name[: -len(path.suffix)]
    return name[:-4] if name.lower().endswith(".ome") else name


def images_in(folder: Path) -> list[Path]:
    """Return the TIFF files of a folder by name; others, and hidden ones, are ignored."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def images_by_stem(folder: Path) -> dict[str, Path]:
    """Return the images of a folder by their names without ending.

    Raises
    ------
    UnsuitableImageError
        If two have one name, such as ``a.tif`` and ``a.ome.tif``.
    """
    found: dict[str, Path] = {}
    for path in images_in(folder):
        if stem(path) in found:
            raise UnsuitableImageError(f"two images have one name: {found[stem(path)].name} and {path.name}")
        found[stem(path)] = path
    return found


def read_image(path: Path) -> Image:
    """Read the first image of a file.

    Colours count as channels; an axis without a name is depth, and a second one time.

    Raises
    ------
    Exception
        Whatever tifffile raises on a damaged file; `UnsuitableImageError` if the axes cannot be understood.
    """
    with tifffile.TiffFile(path) as file:
        if not file.series:
            raise UnsuitableImageError("the file holds no image")
        series = file.series[0]
        pixels = series.asarray()
        names = _named_axes(series.axes)
        sizes = _ome_sizes(file.ome_metadata) if file.is_ome else _imagej_sizes(file)
    order = [names.index(axis) for axis in AXES if axis in names]
    pixels = pixels.transpose(order)
    shape = iter(pixels.shape)
    full = [next(shape) if axis in names else 1 for axis in AXES]
    return Image(pixels=pixels.reshape(full), axes="".join(a for a in AXES if a in names), sizes=sizes)


def label_pixels(image: Image) -> NDArray[np.uint32]:
    """Return the labels of a label image, shape (t, z, y, x).

    Raises
    ------
    UnsuitableImageError
        If it has several channels, or values that are no labels.
    """
    if image.pixels.shape[1] != 1:
        raise UnsuitableImageError(f"a label image has one channel, this one {image.pixels.shape[1]}")
    values = image.pixels[:, 0]
    labels = values.astype(np.uint32)
    if not np.array_equal(labels, values):
        raise UnsuitableImageError(f"its values ({values.dtype}) are no labels: whole numbers from 0")
    return labels


def plane_spacing(image: Image) -> float:
    """Return how far planes lie apart, where the width of a pixel is 1; 1 where the file does not say."""
    width, depth = (image.sizes.get(f"PhysicalSize{axis}") for axis in "XZ")
    units = {image.sizes.get(f"PhysicalSize{axis}Unit") for axis in "XZ"}
    if (
        not isinstance(width, float)
        or not isinstance(depth, float)
        or len(units) > 1
        or min(width, depth) <= 0
    ):
        return 1.0
    return min(max(depth / width, 1 / _SPACING_LIMIT), _SPACING_LIMIT)


def write_labels(path: Path, labels: NDArray[Any], *, like: Image) -> None:
    """Write labels, as OME-TIFF with the axes and pixel sizes of the image that they belong to.

    The file appears under its name when it is complete.

    Parameters
    ----------
    labels, shape (t, z, y, x)
        0 is background.
    """
    kept = [axis for axis in "TZYX" if axis in like.axes]
    dtype = np.uint16 if int(labels.max(initial=0)) <= np.iinfo(np.uint16).max else np.uint32
    pixels = labels.astype(dtype).reshape([labels.shape["TZYX".index(axis)] for axis in kept])
    partial = path.with_name(f".{path.name}.part")
    try:
        tifffile.imwrite(
            partial,
            pixels,
            ome=True,
            bigtiff=pixels.nbytes > _BIG_TIFF_BYTES,
            photometric="minisblack",
            compression="zlib",
            metadata={"axes": "".join(kept), "Name": stem(path), **like.sizes},
        )
        os.replace(partial, path)  # noqa: PTH105 - the standard name for an atomic rename
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()


def _named_axes(axes: str) -> str:
    """Name the axes that tifffile does not know: samples are channels, unknown ones depth, then time."""
    names = list(axes.replace("S", "C"))
    for position, axis in enumerate(names):
        if axis not in AXES:
            names[position] = next((free for free in "ZT" if free not in names), axis)
    if len(set(names)) < len(names) or not set("YX") <= set(names) <= set(AXES):
        raise UnsuitableImageError(f"cannot tell what the axes {axes} mean")
    return "".join(names)


def _ome_sizes(xml: str | None) -> dict[str, float | str]:
    document = ET.fromstring(xml or "<OME/>")  # noqa: S314 - expat limits entities; only attributes are read
    pixels = next((node for node in document.iter() if node.tag.endswith("}Pixels")), None)
    sizes: dict[str, float | str] = {}
    for name in ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ", "TimeIncrement"):
        if pixels is not None and name in pixels.attrib:
            sizes[name] = float(pixels.attrib[name])
            sizes[f"{name}Unit"] = pixels.attrib.get(f"{name}Unit", "s" if name == "TimeIncrement" else "µm")
    return sizes


def _imagej_sizes(file: tifffile.TiffFile) -> dict[str, float | str]:
    metadata = file.imagej_metadata or {}
    unit = {
        "micron": "µm",
        "microns": "µm",
        "um": "µm",
        "\\u00B5m": "µm",
        "µm": "µm",
        "nm": "nm",
        "mm": "mm",
    }.get(str(metadata.get("unit")))
    if unit is None:
        return {}
    sizes: dict[str, float | str] = {}
    for axis in "XY":
        tag = file.pages.first.tags.get(f"{axis}Resolution")
        if tag is not None and tag.value[0]:
            sizes[f"PhysicalSize{axis}"] = tag.value[1] / tag.value[0]
            sizes[f"PhysicalSize{axis}Unit"] = unit
    if metadata.get("spacing"):
        sizes["PhysicalSizeZ"] = float(metadata["spacing"])
        sizes["PhysicalSizeZUnit"] = unit
    return sizes
