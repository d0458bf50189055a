from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from biomero.adapters.ome_tiff.writer import LosslessOmeTiffWriter
from biomero.domain.imaging import Channel, Quantity
from biomero.errors import ImageWriteError
from biomero.testing.images import ArrayImage

MICRON = "micrometer"


def noise(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 100, shape).astype(dtype)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [("yx", (7, 5)), ("zyx", (3, 7, 5)), ("tczyx", (2, 3, 4, 7, 5)), ("czyx", (1, 1, 7, 5))],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint32", "float32", "bool"])
def test_pixels_axes_and_sizes_survive(tmp_path: Path, axes: str, shape: tuple[int, ...], dtype: str) -> None:
    pixels = noise(shape, dtype)
    path = tmp_path / "a.ome.tif"
    scale = {
        "x": Quantity(value=0.25, unit=MICRON),
        "y": Quantity(value=0.5, unit=MICRON),
        "z": Quantity(value=900, unit="nanometer"),
        "t": Quantity(value=3, unit="second"),
    }
    LosslessOmeTiffWriter().write(ArrayImage(pixels, axes=axes, scale=scale), path)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        assert tiff.ome_metadata is not None
        said = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        read = tiff.asarray().reshape(shape)
    np.testing.assert_array_equal(read, pixels)
    assert [said[f"Size{a}"] for a in "TCZYX"] == [
        dict(zip(axes.upper(), shape, strict=True)).get(a, 1) for a in "TCZYX"
    ]
    assert (said["PhysicalSizeX"], said["PhysicalSizeXUnit"]) == (0.25, "µm")
    assert (said["PhysicalSizeY"], said["PhysicalSizeZ"], said["PhysicalSizeZUnit"]) == (0.5, 900, "nm")
    assert (said["TimeIncrement"], said["TimeIncrementUnit"]) == (3, "s")


def test_large_planes_are_written_in_tiles_with_bounded_memory(tmp_path: Path) -> None:
    pixels = np.zeros((5000, 7001), dtype="uint16")
    pixels[4321, 6999] = 7
    image = ArrayImage(pixels)
    LosslessOmeTiffWriter().write(image, tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        assert tiff.pages.first.is_tiled
        np.testing.assert_array_equal(tiff.asarray(), pixels)
    assert image.largest_read <= 512 * 7001


def test_the_same_image_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        LosslessOmeTiffWriter().write(ArrayImage(noise((5, 6), "uint16")), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_names_that_xml_cannot_hold_do_no_harm(tmp_path: Path) -> None:
    image = ArrayImage(
        noise((2, 5, 6), "uint16"),
        axes="cyx",
        name="a\x01<b>\udcff&\n",
        channels=[Channel(name="DAPI <&>"), Channel()],
    )
    LosslessOmeTiffWriter().write(image, tmp_path / "a")
    with tifffile.TiffFile(tmp_path / "a") as tiff:
        assert tiff.ome_metadata is not None
        said = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]
    assert said["Name"] == "a_<b>_&_"
    assert [c["Name"] for c in said["Pixels"]["Channel"]] == ["DAPI <&>", 1]


def test_pixels_that_ome_tiff_does_not_have_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageWriteError, match="int64"):
        LosslessOmeTiffWriter().write(ArrayImage(noise((5, 6), "int64")), tmp_path / "a")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageWriteError, match="nowhere"):
        LosslessOmeTiffWriter().write(ArrayImage(noise((5, 6), "uint8")), tmp_path / "nowhere" / "a")
