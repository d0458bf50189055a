from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biomero.adapters.tiff import TiffSource
from services.pixels import noise, whole

LAYOUTS: dict[str, tuple[tuple[int, ...], str, dict[str, Any], str]] = {
    # what: shape, dtype, how it is written, axes that we expect
    "one page": ((60, 50), "uint16", {}, "yx"),
    "one strip a row": ((60, 50), "uint16", {"rowsperstrip": 1}, "yx"),
    "strips that do not divide the height": ((61, 50), "uint16", {"rowsperstrip": 7}, "yx"),
    "tiles that do not divide the plane": ((100, 90), "uint16", {"tile": (32, 48)}, "yx"),
    "pages without a name": ((5, 60, 50), "uint16", {"photometric": "minisblack"}, "zyx"),
    "pages without any description": ((5, 60, 50), "uint8", {"metadata": None, "compression": "zstd"}, "zyx"),
    "two axes without a name": ((2, 5, 60, 50), "uint8", {"photometric": "minisblack"}, "tzyx"),
    "BigTIFF": ((5, 60, 50), "uint16", {"bigtiff": True}, "zyx"),
    "big endian": ((5, 60, 50), "uint16", {"byteorder": ">"}, "zyx"),
    "big endian BigTIFF, deflated": (
        (5, 60, 50),
        "int32",
        {"byteorder": ">", "bigtiff": True, "compression": "zlib", "predictor": True},
        "zyx",
    ),
    "8 bits": ((60, 50), "uint8", {}, "yx"),
    "signed": ((60, 50), "int16", {}, "yx"),
    "64 bits": ((60, 50), "uint64", {}, "yx"),
    "float": ((60, 50), "float32", {}, "yx"),
    "double in tiles": ((60, 50), "float64", {"tile": (16, 16)}, "yx"),
    "half": ((60, 50), "float16", {}, "yx"),
    "float, deflated with a predictor": (
        (60, 50),
        "float32",
        {"compression": "zlib", "predictor": True, "rowsperstrip": 16},
        "yx",
    ),
    "zstd tiles": ((2, 100, 90), "uint16", {"tile": (32, 32), "compression": "zstd"}, "zyx"),
    "LZW strips": ((60, 50), "uint16", {"compression": "lzw", "predictor": True, "rowsperstrip": 9}, "yx"),
    "deflated": ((60, 50), "uint16", {"compression": "zlib"}, "yx"),
    "lossless JPEG 2000": ((64, 64), "uint8", {"compression": "jpeg2000", "tile": (32, 32)}, "yx"),
    "packbits": ((60, 50), "uint8", {"compression": "packbits"}, "yx"),
    "12 bits in 16": ((60, 50), "uint16", {"compression": "lzma"}, "yx"),
    "ImageJ, TZC": ((2, 3, 4, 60, 50), "uint16", {"imagej": True, "metadata": {"axes": "TZCYX"}}, "tzcyx"),
    "ImageJ, big endian is its habit": (
        (4, 60, 50),
        "float32",
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        "zyx",
    ),
    "volumetric": ((40, 60, 50), "uint8", {"volumetric": True, "tile": (16, 16, 16)}, "zyx"),
    "OME, TCZ": ((2, 3, 4, 60, 50), "uint16", {"ome": True, "metadata": {"axes": "TCZYX"}}, "tczyx"),
    "OME, ZTC, tiled": (
        (2, 3, 4, 60, 50),
        "uint16",
        {"ome": True, "tile": (16, 32), "compression": "zstd", "metadata": {"axes": "ZTCYX"}},
        "ztcyx",
    ),
    "a single column": ((60, 1), "uint16", {}, "yx"),
    "a single pixel": ((1, 1), "uint16", {}, "yx"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_pixel_comes_back_from(name: str, tmp_path: Path) -> None:
    shape, dtype, how, axes = LAYOUTS[name]
    pixels = noise(*shape, dtype=dtype)
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, pixels, **how)
    with TiffSource().open(path) as image:
        assert image.metadata.axes == "".join(a for a in "tczyx" if a in axes)
        assert image.metadata.dtype == dtype
        order = [axes.index(axis) for axis in image.metadata.axes]
        np.testing.assert_array_equal(whole(image), pixels.transpose(order))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations("TCZ"),
    sizes=st.tuples(*[st.integers(1, 3)] * 3),
    how=st.sampled_from([{"ome": True}, {"photometric": "minisblack"}]),
    storage=st.sampled_from([{}, {"tile": (16, 16), "compression": "zlib"}]),
    piece=st.tuples(*[st.integers(0, 39)] * 4),
)
def test_any_piece_of_any_order_of_axes_is_the_same_piece_of_the_array(
    *,
    order: list[str],
    sizes: tuple[int, int, int],
    how: dict[str, Any],
    storage: dict[str, Any],
    piece: tuple[int, int, int, int],
    tmp_path: Path,
) -> None:
    axes = "".join(order) + "YX"
    pixels = noise(*sizes, 40, 40)
    tifffile.imwrite(tmp_path / "image.tif", pixels, metadata={"axes": axes}, **how, **storage)
    y = slice(min(piece[:2]), max(piece[:2]) + 1)
    x = slice(min(piece[2:]), max(piece[2:]) + 1)
    with TiffSource().open(tmp_path / "image.tif") as image:
        for index in np.ndindex(*sizes):
            at = dict(zip((a.lower() for a in order), index, strict=True))
            np.testing.assert_array_equal(image.read(**at, y=y, x=x), pixels[(*index, y, x)])


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_a_colour_picture_has_three_channels(
    planar: str, tile: tuple[int, int] | None, tmp_path: Path
) -> None:
    pixels = noise(40, 50, 3, dtype="uint8")
    stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(tmp_path / "rgb.tif", stored, photometric="rgb", planarconfig=planar, tile=tile)
    with TiffSource().open(tmp_path / "rgb.tif") as image:
        assert image.metadata.is_rgb
        assert image.metadata.axes == "cyx"
        assert [channel.name for channel in image.metadata.channels] == ["Red", "Green", "Blue"]
        np.testing.assert_array_equal(whole(image), np.moveaxis(pixels, -1, 0))


def test_alpha_is_dropped(tmp_path: Path) -> None:
    pixels = noise(40, 50, 4, dtype="uint8")
    tifffile.imwrite(tmp_path / "rgba.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    with TiffSource().open(tmp_path / "rgba.tif") as image:
        assert image.metadata.is_rgb
        np.testing.assert_array_equal(whole(image), np.moveaxis(pixels[..., :3], -1, 0))


def test_four_planes_that_tifffile_took_for_rgb_and_alpha_stay_four_channels(tmp_path: Path) -> None:
    pixels = noise(4, 40, 50)
    tifffile.imwrite(
        tmp_path / "four.tif", pixels, photometric="rgb", planarconfig="separate", extrasamples=["unassalpha"]
    )
    with TiffSource().open(tmp_path / "four.tif") as image:
        assert not image.metadata.is_rgb
        np.testing.assert_array_equal(whole(image), pixels)


def test_colour_pictures_over_time_keep_both(tmp_path: Path) -> None:
    pixels = noise(4, 40, 50, 3, dtype="uint8")
    tifffile.imwrite(tmp_path / "t.ome.tif", pixels, photometric="rgb", metadata={"axes": "TYXS"})
    with TiffSource().open(tmp_path / "t.ome.tif") as image:
        assert image.metadata.is_rgb
        assert image.metadata.axes == "tcyx"
        np.testing.assert_array_equal(whole(image), np.moveaxis(pixels, -1, 1))


def test_jpeg_tiles_are_decoded_as_tifffile_does(tmp_path: Path) -> None:
    y, x = np.mgrid[:100, :120]
    pixels = np.stack([y, x, (x + y) // 2], axis=-1).astype("uint8")
    tifffile.imwrite(tmp_path / "jpeg.tif", pixels, photometric="rgb", compression="jpeg", tile=(32, 32))
    with TiffSource().open(tmp_path / "jpeg.tif") as image:
        assert image.block_shape == (32, 32)
        np.testing.assert_array_equal(
            whole(image), np.moveaxis(tifffile.imread(tmp_path / "jpeg.tif"), -1, 0)
        )


def test_single_bits_become_zeros_and_ones(tmp_path: Path) -> None:
    pixels = noise(40, 51, dtype="bool")
    tifffile.imwrite(tmp_path / "bits.tif", pixels)
    with TiffSource().open(tmp_path / "bits.tif") as image:
        assert image.metadata.dtype == "uint8"
        np.testing.assert_array_equal(whole(image), pixels.astype("uint8"))


def test_a_pyramid_is_one_image_at_full_resolution(tmp_path: Path) -> None:
    pixels = noise(2, 128, 128)
    with tifffile.TiffWriter(tmp_path / "pyramid.ome.tif") as tif:
        tif.write(pixels, subifds=2, tile=(32, 32), metadata={"axes": "CYX"}, photometric="minisblack")
        tif.write(pixels[:, ::2, ::2], subfiletype=1, tile=(32, 32), photometric="minisblack")
        tif.write(pixels[:, ::4, ::4], subfiletype=1, tile=(32, 32), photometric="minisblack")
    assert TiffSource().images_in(tmp_path / "pyramid.ome.tif") == 1
    with TiffSource().open(tmp_path / "pyramid.ome.tif") as image:
        np.testing.assert_array_equal(whole(image), pixels)


def test_every_series_is_an_image(tmp_path: Path) -> None:
    first, second = noise(2, 40, 50), noise(30, 20, dtype="uint8")
    with tifffile.TiffWriter(tmp_path / "two.ome.tif") as tif:
        tif.write(first, metadata={"axes": "ZYX", "Name": "stack"}, photometric="minisblack")
        tif.write(second, metadata={"axes": "YX", "Name": "overview"})
    source = TiffSource()
    assert source.images_in(tmp_path / "two.ome.tif") == 2
    with source.open(tmp_path / "two.ome.tif", index=1) as image:
        assert image.metadata.name == "overview"
        np.testing.assert_array_equal(whole(image), second)
    with source.open(tmp_path / "two.ome.tif") as image:
        assert image.metadata.name == "stack"
        np.testing.assert_array_equal(whole(image), first)


def test_areas_that_were_never_scanned_are_empty(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64), "uint16")
    pixels[:32, :32] = 7

    def tiles() -> Any:
        yield pixels[:32, :32]
        yield None
        yield None
        yield None

    tifffile.imwrite(
        tmp_path / "sparse.tif", tiles(), shape=(64, 64), dtype="uint16", tile=(32, 32), compression="zstd"
    )
    with TiffSource().open(tmp_path / "sparse.tif") as image:
        np.testing.assert_array_equal(whole(image), pixels)


def test_a_set_of_ome_tiff_files_is_read_as_one(tmp_path: Path) -> None:
    pixels = noise(2, 40, 50)
    write_set(tmp_path, pixels)
    with TiffSource().open(tmp_path / "c0.ome.tif") as image:
        assert image.metadata.axes == "cyx"
        np.testing.assert_array_equal(whole(image), pixels)


def write_set(folder: Path, pixels: Any) -> None:
    """Write each channel to a file of its own, as microscopes do, with one OME-XML for both."""
    data = "".join(
        f'<TiffData FirstC="{c}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="c{c}.ome.tif">urn:uuid:0000000{c}-0000-0000-0000-000000000000</UUID></TiffData>'
        for c in range(len(pixels))
    )
    for c, plane in enumerate(pixels):
        xml = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:0000000{c}-0000-0000-0000-000000000000"><Image ID="Image:0" Name="set">'
            f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{plane.shape[1]}" '
            f'SizeY="{plane.shape[0]}" SizeZ="1" SizeC="{len(pixels)}" SizeT="1">'
            f'<Channel ID="Channel:0:0"/><Channel ID="Channel:0:1"/>{data}</Pixels></Image></OME>'
        )
        tifffile.imwrite(folder / f"c{c}.ome.tif", plane, description=xml, metadata=None)
