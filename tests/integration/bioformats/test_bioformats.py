from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from biomero.adapters.bioformats import BioFormatsSource, find_jar
from biomero.domain.imaging import Quantity
from biomero.errors import ImageReadError, UnsupportedImageError
from services import java
from services.pixels import noise, whole
from services.processes import descendants, end

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source() -> BioFormatsSource:
    java.ensure_packages()
    return BioFormatsSource("java", java.jar())


def fake(folder: Path, name: str) -> Path:
    """Make a file of Bio-Formats' own kind, whose name describes the image."""
    path = folder / name
    path.touch()
    return path


def test_an_image_of_all_axes_is_read_by_pieces(source: BioFormatsSource, tmp_path: Path) -> None:
    name = "test&sizeX=512&sizeY=512&sizeZ=5&sizeC=2&sizeT=3&physicalSizeX=0.25&physicalSizeZ=2.fake"
    path = fake(tmp_path, name)
    assert source.images_in(path) == 1
    with source.open(path) as image:
        assert image.metadata.axes == "tczyx"
        assert image.metadata.shape == (3, 2, 5, 512, 512)
        assert image.metadata.dtype == "uint8"
        assert image.metadata.scale["x"] == Quantity(value=0.25, unit="micrometer")
        assert image.metadata.scale["z"] == Quantity(value=2, unit="micrometer")
        pixels = whole(image)
        piece = image.read(t=2, c=1, z=4, y=slice(100, 130), x=slice(50, 512))
        np.testing.assert_array_equal(piece, pixels[2, 1, 4, 100:130, 50:512])
        # a fake image writes the plane's place into squares of 10 pixels: series, plane, z, c, t
        assert [int(v) for v in pixels[2, 1, 4, 0, 5:55:10]] == [0, 29, 4, 1, 2]


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "float", "double"])
@pytest.mark.parametrize("little", ["true", "false"])
def test_every_pixel_type_and_byte_order_comes_native(
    source: BioFormatsSource, dtype: str, little: str, tmp_path: Path
) -> None:
    path = fake(tmp_path, f"a&sizeX=64&sizeY=32&pixelType={dtype}&little={little}&sizeZ=3.fake")
    with source.open(path) as image:
        assert np.dtype(image.metadata.dtype).isnative
        assert [int(v) for v in whole(image)[2, 0, 5:35:10]] == [0, 2, 2]


def test_each_series_is_an_image(source: BioFormatsSource, tmp_path: Path) -> None:
    path = fake(tmp_path, "a&sizeX=64&sizeY=32&series=4.fake")
    assert source.images_in(path) == 4
    with source.open(path, index=3) as image:
        assert image.read(y=slice(0, 1), x=slice(5, 6))[0, 0] == 3
    with pytest.raises(ImageReadError, match="no number 4"):
        source.open(path, index=4)


def test_a_colour_picture_is_red_green_blue(source: BioFormatsSource, tmp_path: Path) -> None:
    pixels = noise(40, 50, 3, dtype="uint8")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    with source.open(tmp_path / "a.tif") as image:
        assert image.metadata.is_rgb
        np.testing.assert_array_equal(whole(image), np.moveaxis(pixels, -1, 0))


@pytest.mark.parametrize("axes", ["TCZYX", "ZCTYX"])
def test_an_ome_tiff_is_read_as_our_own_reader_reads_it(
    source: BioFormatsSource, axes: str, tmp_path: Path
) -> None:
    pixels = noise(2, 3, 4, 40, 50)
    metadata = {
        "axes": axes,
        "PhysicalSizeX": 0.5,
        "PhysicalSizeXUnit": "µm",
        "Channel": {"Name": ["a", "b", "c"]},
    }
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata=metadata)
    with source.open(tmp_path / "a.ome.tif") as image:
        assert [channel.name for channel in image.metadata.channels] == ["a", "b", "c"]
        assert image.metadata.scale["x"] == Quantity(value=0.5, unit="micrometer")
        np.testing.assert_array_equal(whole(image), pixels.transpose([axes.index(a) for a in "TCZYX"]))


def test_two_images_may_be_open_at_once_and_names_may_hold_anything(
    source: BioFormatsSource, tmp_path: Path
) -> None:
    first = fake(tmp_path, "a b;$(touch pwned)'\"\n&sizeX=64&sizeY=32.fake")
    second = fake(tmp_path, "ü&sizeX=16&sizeY=8&series=2.fake")
    with source.open(first) as one, source.open(second, index=1) as two:
        assert one.metadata.shape == (32, 64)
        assert two.metadata.shape == (8, 16)
        assert two.read(y=slice(0, 1), x=slice(5, 6))[0, 0] == 1
        assert one.read(y=slice(0, 1), x=slice(5, 6))[0, 0] == 0
    assert list(tmp_path.glob("pwned")) == []


def test_what_nobody_knows_is_unsupported(source: BioFormatsSource, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"no image at all")
    with pytest.raises(UnsupportedImageError, match=r"a\.xyz"):
        source.images_in(tmp_path / "a.xyz")


def test_a_damaged_file_is_named_and_the_next_one_is_read(source: BioFormatsSource, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0\xff\xff\xff\0")
    with pytest.raises(ImageReadError, match=r"a\.tif cannot be read by Bio-Formats"):
        source.open(tmp_path / "a.tif")
    assert source.images_in(fake(tmp_path, "a&sizeX=64&sizeY=32.fake")) == 1


def test_a_jvm_that_is_killed_costs_one_image(tmp_path: Path) -> None:
    java.ensure_packages()
    path = fake(tmp_path, "a&sizeX=64&sizeY=32.fake")
    others = set(descendants(os.getpid()))
    source = BioFormatsSource("java", java.jar())
    with source.open(path) as image:
        end([pid for pid in descendants(os.getpid()) if pid not in others])
        with pytest.raises(ImageReadError, match="has ended"):
            image.read(y=slice(0, 32), x=slice(0, 64))
    with source.open(path) as image:
        assert whole(image).size == 64 * 32


def test_the_jar_is_found_where_it_was_fetched_to(tmp_path: Path) -> None:
    fetched = java.jar()
    assert find_jar(fetched.parent) == fetched
    assert find_jar(tmp_path) in {None, find_jar()}
