from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from biomero.adapters.tiff import TiffSource
from biomero.domain.imaging import DisplayWindow, ImageMetadata, Quantity
from services.pixels import noise


def metadata_of(path: Path, pixels: Any, **how: Any) -> ImageMetadata:
    tifffile.imwrite(path, pixels, **how)
    with TiffSource().open(path) as image:
        return image.metadata


def test_ome_tiff_says_sizes_units_and_channels(tmp_path: Path) -> None:
    found = metadata_of(
        tmp_path / "cells.ome.tif",
        noise(2, 3, 4, 8, 8),
        metadata={
            "axes": "TCZYX",
            "Name": "Zellkern µ",
            "PhysicalSizeX": 0.25,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": 250.0,
            "PhysicalSizeYUnit": "nm",
            "PhysicalSizeZ": 1.5,
            "TimeIncrement": 500.0,
            "TimeIncrementUnit": "ms",
            "Channel": {"Name": ["DAPI", "GFP", "Cy5"], "Color": [65535, 16711935, -16776961]},
        },
    )
    assert found.name == "Zellkern µ"
    assert found.scale == {
        "x": Quantity(value=0.25, unit="micrometer"),
        "y": Quantity(value=250.0, unit="nanometer"),
        "z": Quantity(value=1.5, unit="micrometer"),
        "t": Quantity(value=500.0, unit="millisecond"),
    }
    assert [c.name for c in found.channels] == ["DAPI", "GFP", "Cy5"]
    assert [c.color for c in found.channels] == ["0000FF", "00FF00", "FF0000"]


def test_imagej_says_sizes_units_channels_and_display_windows(tmp_path: Path) -> None:
    red = np.zeros((3, 256), "uint8")
    red[0] = np.arange(256)
    found = metadata_of(
        tmp_path / "cells.tif",
        noise(3, 1, 8, 8),
        imagej=True,
        resolution=(4.0, 4.0),
        metadata={
            "axes": "ZCYX",
            "unit": "um",
            "spacing": 2.0,
            "finterval": 3.0,
            "Ranges": (10.0, 900.0),
            "LUTs": [red],
            "mode": "composite",
        },
    )
    assert found.name == "cells"
    assert found.axes == "zyx"
    assert found.scale["x"] == Quantity(value=0.25, unit="micrometer")
    assert found.scale["z"] == Quantity(value=2.0, unit="micrometer")
    assert "t" not in found.scale
    assert found.channels[0].color == "FF0000"
    assert found.channels[0].window == DisplayWindow(start=10, end=900, min=0, max=65535)


def test_resolution_tags_of_a_microscope_are_believed(tmp_path: Path) -> None:
    found = metadata_of(
        tmp_path / "a.tif", noise(8, 8), resolution=(20_000, 10_000), resolutionunit="CENTIMETER"
    )
    assert found.scale["x"] == Quantity(value=0.5, unit="micrometer")
    assert found.scale["y"] == Quantity(value=1.0, unit="micrometer")


@pytest.mark.parametrize(("dots", "unit"), [(72, "INCH"), (300, "INCH"), (1, "NONE"), (118.11, "CENTIMETER")])
def test_resolution_tags_of_a_printer_are_not_believed(dots: float, unit: str, tmp_path: Path) -> None:
    found = metadata_of(tmp_path / "a.tif", noise(8, 8), resolution=(dots, dots), resolutionunit=unit)
    assert found.scale == {}


def test_a_slide_says_its_micrometres_per_pixel(tmp_path: Path) -> None:
    path = tmp_path / "slide.svs"
    tifffile.imwrite(
        path,
        noise(64, 64, 3, dtype="uint8"),
        photometric="rgb",
        tile=(32, 32),
        compression="jpeg",
        description="Aperio Image Library v11\n64x64 (32x32) JPEG/RGB Q=70|AppMag = 20|MPP = 0.4990",
        metadata=None,
    )
    with TiffSource().open(path) as image:
        assert image.metadata.is_rgb
        assert image.metadata.scale["x"] == Quantity(value=0.499, unit="micrometer")
        assert image.block_shape == (32, 32)


def test_sizes_that_say_nothing_are_absent(tmp_path: Path) -> None:
    found = metadata_of(
        tmp_path / "a.ome.tif",
        noise(8, 8),
        metadata={"axes": "YX", "PhysicalSizeX": 0.0, "PhysicalSizeY": 3.0, "PhysicalSizeYUnit": "pixel"},
    )
    assert found.scale == {}


def test_ome_xml_that_is_broken_does_not_hide_the_pixels(tmp_path: Path) -> None:
    found = metadata_of(tmp_path / "a.tif", noise(8, 8), description="<OME><Image </OME>", metadata=None)
    assert found.shape == (8, 8)


def test_a_name_without_metadata_is_that_of_the_file(tmp_path: Path) -> None:
    assert metadata_of(tmp_path / "my cells.v2.ome.tiff", noise(8, 8), ome=False).name == "my cells.v2"
