from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import mrcfile
import numpy as np
import pytest
import tifffile
from pylibCZIrw import czi as pyczi

from biomero.adapters import bioformats, readers, tiff
from biomero.application.open_images import ImageSources
from biomero.errors import ImageReadError, UnsupportedImageError
from services.pixels import noise, whole

PIXELS = noise(40, 50, dtype="uint8")


@pytest.fixture
def sources() -> ImageSources:
    """Everything wired as it is shipped, on a machine without Java."""
    fallback = bioformats.BioFormatsSource("no-such-java", None)
    wired = (*tiff.formats(), *readers.formats(), *bioformats.formats(fallback))
    return ImageSources(wired, fallback=fallback)


def write_ome_tiff(path: Path) -> None:
    tifffile.imwrite(path, PIXELS, ome=True, bigtiff=True)


def write_tiff(path: Path) -> None:
    tifffile.imwrite(path, PIXELS, byteorder=">")


def write_png(path: Path) -> None:
    path.write_bytes(cv2.imencode(".png", PIXELS)[1].tobytes())


def write_czi(path: Path) -> None:
    with pyczi.create_czi(str(path)) as czi:
        czi.write(PIXELS, plane={"C": 0})


def write_mrc(path: Path) -> None:
    mrcfile.new(path, PIXELS.astype("int16")).close()


WRITERS = {
    "a.ome.tif": write_ome_tiff,
    "a.tiff": write_tiff,
    "a.png": write_png,
    "a.czi": write_czi,
    "a.mrc": write_mrc,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("called", [None, "misnamed.lif", "misnamed.jpg", "nameless", "misnamed.TIF"])
def test_a_file_is_read_whatever_it_is_called(
    sources: ImageSources, name: str, called: str | None, tmp_path: Path
) -> None:
    WRITERS[name](tmp_path / name)
    path = tmp_path / (called or name)
    if called is not None:
        shutil.move(tmp_path / name, path)
    assert sources.images_in(path) == 1
    with sources.open(path) as image:
        np.testing.assert_array_equal(whole(image), PIXELS)


def test_a_file_that_begins_like_tiff_but_is_not_one_is_left_to_bioformats(
    sources: ImageSources, tmp_path: Path
) -> None:
    write_tiff(tmp_path / "slide.vsi")
    with pytest.raises(UnsupportedImageError, match=r"slide\.vsi: Bio-Formats' jar is not here"):
        sources.open(tmp_path / "slide.vsi")


def test_a_truncated_image_is_refused_by_its_own_reader(sources: ImageSources, tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif")
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageReadError, match=r"a\.tif is truncated: page 1 of 1 ends at byte"):
        sources.open(tmp_path / "a.tif")


def test_something_else_altogether_says_how_bioformats_may_help(
    sources: ImageSources, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(
        UnsupportedImageError,
        match=r"notes\.txt is of no format .*: OME-TIFF, .*IMS; .*pip install --no-deps",
    ):
        sources.open(tmp_path / "notes.txt")
