"""Image to OME-Zarr to OME-TIFF: what goes in comes out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from biomero.adapters.ngff import NgffWriter
from biomero.application.ports.pyramids import PyramidSettings
from biomero.domain.imaging import Channel, Quantity
from biomero.testing.images import ArrayImage
from services.zarr_to_tiff import load

TYPES = ["bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64"]
UNITS = {"micrometer": "µm", "nanometer": "nm", "millimeter": "mm", "angstrom": "Å"}
MEMORY = 512 * 2**20

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=12)
lengths = st.builds(Quantity, value=st.floats(1e-6, 1e6), unit=st.sampled_from(sorted(UNITS)))
times = st.builds(Quantity, value=st.floats(1e-3, 1e6), unit=st.sampled_from(["second", "millisecond"]))


@st.composite
def images(draw: st.DrawFn) -> ArrayImage:
    axes = draw(st.sampled_from(["yx", "zyx", "cyx", "tyx", "czyx", "tcyx", "tzyx", "tczyx"]))
    shape = tuple(draw(st.integers(1, 4 if a in "tcz" else 33)) for a in axes)
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    pixels = np.frombuffer(random.bytes(int(np.prod(shape)) * dtype.itemsize), f"u{dtype.itemsize}")
    pixels = pixels % 2 if dtype.kind == "b" else pixels
    is_rgb = dtype == "uint8" and "c" in axes and shape[axes.index("c")] == 3 and draw(st.booleans())
    count = shape[axes.index("c")] if "c" in axes else 1
    colors = st.none() | st.from_regex(r"[0-9A-F]{6}", fullmatch=True)
    channel = st.builds(Channel, name=texts, color=colors)
    return ArrayImage(
        pixels.view(dtype).reshape(shape),
        axes,
        name=draw(texts),
        scale={a: draw(times if a == "t" else lengths) for a in axes if a != "c" and draw(st.booleans())},
        channels=() if is_rgb else tuple(draw(channel) for _ in range(count)),
        is_rgb=is_rgb,
    )


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0.4", "0.5"])
@given(image=images())
@settings(max_examples=40, deadline=None)
def test_pixels_axes_and_metadata_survive(version: Any, image: ArrayImage) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "a.ome.zarr", Path(folder) / "a.tif"
        NgffWriter().write(image, path, PyramidSettings(version=version))
        load("ome_tiff").convert(load("zarr_image").open_image(path), target, memory=MEMORY)
        with tifffile.TiffFile(target) as tiff:
            check(image, tiff)


def check(image: ArrayImage, tiff: tifffile.TiffFile) -> None:
    metadata = image.metadata
    series = tiff.series[0]
    shape = dict(zip(series.get_axes(squeeze=False), series.get_shape(squeeze=False), strict=True))
    if metadata.is_rgb:
        assert tiff.pages.first.photometric == tifffile.PHOTOMETRIC.RGB
        assert shape.pop("S") == 3
        shape["C"] = 3
    assert {a: shape.get(a.upper(), 1) for a in "tczyx"} == {a: metadata.size(a) for a in "tczyx"}
    assert series.dtype.name == metadata.dtype
    planes = series.asarray(squeeze=False)
    if metadata.is_rgb:
        planes = np.moveaxis(planes, -1, metadata.axes.index("c"))
    assert planes.reshape(image.pixels.shape).tobytes() == image.pixels.tobytes()

    (picture,) = ET.fromstring(tiff.ome_metadata or "").iterfind("{*}Image")  # noqa: S314 - we wrote it
    assert picture.get("Name") == metadata.name
    (found,) = picture.iterfind("{*}Pixels")
    for axis in "xyz":
        size, unit = found.get(f"PhysicalSize{axis.upper()}"), found.get(f"PhysicalSize{axis.upper()}Unit")
        known = metadata.scale.get(axis)
        assert (size, unit) == ((repr(known.value), UNITS[known.unit]) if known else (None, None))
    known = metadata.scale.get("t")
    assert found.get("TimeIncrement") == (repr(known.value) if known else None)
    if not metadata.is_rgb:
        channels = found.findall("{*}Channel")
        assert [c.get("Name") for c in channels] == [c.name for c in metadata.channels]
        for written, channel in zip(channels, metadata.channels, strict=True):
            if channel.color:
                assert int(written.attrib["Color"]) % 2**32 == int(channel.color + "FF", 16)
