from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biomero.adapters.tiff import TiffSource
from biomero.errors import ImageReadError, UnsupportedImageError
from services.pixels import noise, whole

WRITERS: dict[str, dict[str, Any]] = {
    "plain": {"photometric": "minisblack"},
    "ImageJ": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "OME": {"ome": True, "metadata": {"axes": "ZYX"}},
    "zstd": {"photometric": "minisblack", "compression": "zstd", "tile": (16, 16)},
    "LZW": {"photometric": "minisblack", "compression": "lzw"},
    "deflate": {"photometric": "minisblack", "compression": "zlib", "rowsperstrip": 5, "metadata": None},
    "BigTIFF": {"photometric": "minisblack", "bigtiff": True, "metadata": None},
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_cut_anywhere_is_refused_when_it_is_opened(writer: str, tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    pixels = noise(4, 40, 30)
    tifffile.imwrite(path, pixels, **WRITERS[writer])
    complete = path.read_bytes()
    for end in [*range(40), *range(40, len(complete), 61), len(complete) - 1]:
        path.write_bytes(complete[:end])
        try:
            with TiffSource().open(path) as image:
                np.testing.assert_array_equal(whole(image), pixels)  # only padding was cut
        except ImageReadError as error:
            assert str(path) in str(error)  # noqa: PT017 - either outcome is right
    path.write_bytes(complete[: len(complete) // 2])
    with pytest.raises(ImageReadError, match="truncated"):
        TiffSource().open(path)


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_raise_a_foreign_error(writer: str, data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    if not path.exists():
        tifffile.imwrite(path, noise(3, 20, 16), **WRITERS[writer])
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(damaged), 700) - 1) | st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged.tif").write_bytes(damaged)
    try:
        source = TiffSource()
        with source.open(tmp_path / "damaged.tif") as image:
            if np.prod(image.metadata.shape) < 1e6:
                whole(image)
        source.images_in(tmp_path / "damaged.tif")
    except ImageReadError:
        pass


def test_the_message_says_which_page_ends_where(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    with tifffile.TiffWriter(path) as tif:
        for plane in noise(10, 40, 30):
            tif.write(plane, metadata=None, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        fourth = tif.pages[3]
        assert isinstance(fourth, tifffile.TiffPage)
        cut = fourth.offset + 5
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(
        ImageReadError, match=f"truncated: the directory of page 4 .* the file ends at byte {cut}"
    ):
        TiffSource().open(path)


def test_imagej_stacks_that_describe_only_their_first_page_are_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(5, 40, 30), imagej=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as tif:
        first = tif.pages.first
        link = first.offset + 2 + 12 * len(first.tags)
    content = bytearray(path.read_bytes())
    content[link : link + 4] = struct.pack(">L" if content[:2] == b"MM" else "<L", 0)  # as beyond 4 GB
    path.write_bytes(content)
    with TiffSource().open(path) as image:
        assert image.metadata.shape == (5, 40, 30)
        np.testing.assert_array_equal(whole(image), noise(5, 40, 30))
    path.write_bytes(content[: first.dataoffsets[0] + 3 * 40 * 30 * 2])
    with pytest.raises(ImageReadError, match="truncated: ImageJ wrote 5 planes"):
        TiffSource().open(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"I", "is not a TIFF"),
        (b"\x89PNG\r\n\x1a\n0000", "is not a TIFF"),
        (b"II*\0\0\0\0\0", "holds no page"),
        (b"II*\0\xff\xff\0\0", "truncated"),
        (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", "links back"),
    ],
)
def test_what_is_no_image_is_named_as_such(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=says):
        TiffSource().open(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r"no\.tif"):
        TiffSource().images_in(tmp_path / "no.tif")


def test_a_corrupt_tile_names_its_page(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, noise(2, 64, 64), photometric="minisblack", compression="zstd", tile=(32, 32))
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[1]
        where = page.dataoffsets[2]
    content = bytearray(path.read_bytes())
    content[where : where + 8] = bytes(8)
    path.write_bytes(content)
    with (
        TiffSource().open(path) as image,
        pytest.raises(ImageReadError, match="tile 3 of page 2 is damaged"),
    ):
        whole(image)


def test_an_image_that_the_file_does_not_hold_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", noise(8, 8))
    with pytest.raises(ImageReadError, match="there is no number 1"):
        TiffSource().open(tmp_path / "x.tif", index=1)


def test_an_index_beyond_the_image_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", noise(2, 8, 8), photometric="minisblack")
    with TiffSource().open(tmp_path / "x.tif") as image, pytest.raises(IndexError, match="z=2"):
        image.read(z=2, y=slice(0, 1), x=slice(0, 1))


def test_an_unknown_compression_is_unsupported_rather_than_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, noise(8, 8), metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags["Compression"].overwrite(4711)
    with pytest.raises(UnsupportedImageError, match="4711"):
        TiffSource().open(path)


def described_set(number: int, first: str, second: str) -> str:
    """Return what each file of a set of two says of itself and the other."""
    data = "".join(
        f'<TiffData FirstC="{c}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{c}</UUID></TiffData>'
        for c, name in enumerate((first, second))
    )
    return (
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{number}">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
        'SizeX="8" SizeY="8" SizeZ="1" SizeC="2" SizeT="1"><Channel ID="C:0"/><Channel ID="C:1"/>'
        f"{data}</Pixels></Image></OME>"
    )


def test_a_file_outside_of_the_folder_is_no_part_of_a_set(tmp_path: Path) -> None:
    image = tmp_path / "images" / "a.ome.tif"
    image.parent.mkdir()
    for number, path in enumerate((image, tmp_path / "secret.tif")):
        xml = described_set(number, "a.ome.tif", "../secret.tif")
        tifffile.imwrite(path, noise(8, 8), description=xml, metadata=None)
    with pytest.raises(ImageReadError, match=r"secret\.tif.*outside of its folder"):
        TiffSource().open(image)


def test_missing_files_of_a_set_are_named(tmp_path: Path) -> None:
    xml = described_set(0, "a.ome.tif", "b.ome.tif")
    tifffile.imwrite(tmp_path / "a.ome.tif", noise(8, 8), description=xml, metadata=None)
    with pytest.raises(ImageReadError, match=r"set of 2 OME-TIFF files.* missing: b\.ome\.tif"):
        TiffSource().open(tmp_path / "a.ome.tif")


def test_a_part_of_a_set_that_is_described_elsewhere_is_not_read_alone(tmp_path: Path) -> None:
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:0">'
        '<BinaryOnly MetadataFile="set.companion.ome" UUID="urn:uuid:1"/></OME>'
    )
    tifffile.imwrite(tmp_path / "a.ome.tif", noise(8, 8), description=xml, metadata=None)
    with pytest.raises(UnsupportedImageError, match=r"set\.companion\.ome"):
        TiffSource().open(tmp_path / "a.ome.tif")
