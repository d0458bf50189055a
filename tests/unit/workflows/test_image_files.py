from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from nuclei_segmentation.images import (
    UnsuitableImageError,
    images_by_stem,
    images_in,
    plane_spacing,
    read_image,
    stem,
    write_labels,
)

from services.workflow_programs import WORKFLOWS

_SIZES = {
    "PhysicalSizeX": 0.25,
    "PhysicalSizeXUnit": "µm",
    "PhysicalSizeY": 0.25,
    "PhysicalSizeYUnit": "µm",
    "PhysicalSizeZ": 1.5,
    "PhysicalSizeZUnit": "µm",
}


@pytest.mark.parametrize("shared", ["images.py", "batch.py"])
def test_the_workflows_stand_alone_and_their_common_files_are_equal(shared: str) -> None:
    # Each folder is a repository and a container of its own, so that none can import from another.
    assert len({path.read_text() for path in WORKFLOWS.glob(f"*/*/{shared}")}) == 1
    assert len(list(WORKFLOWS.glob(f"*/*/{shared}"))) == 3


@pytest.mark.parametrize("axes", ["YX", "ZYX", "CYX", "TYX", "CZYX", "ZCYX", "TZCYX", "TCZYX"])
def test_pixels_are_put_in_one_order_and_labels_keep_axes_and_sizes(tmp_path: Path, axes: str) -> None:
    shape = tuple({"T": 2, "C": 3, "Z": 4, "Y": 6, "X": 5}[axis] for axis in axes)
    pixels = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", pixels, photometric="minisblack", metadata={"axes": axes, **_SIZES}
    )
    image = read_image(tmp_path / "a.ome.tif")
    order = [axes.index(axis) for axis in "TCZYX" if axis in axes]
    np.testing.assert_array_equal(image.pixels.squeeze(), pixels.transpose(order))
    labels = (image.pixels[:, 0] % 7).astype(np.int32)
    write_labels(tmp_path / "b.ome.tif", labels, like=image)
    written = read_image(tmp_path / "b.ome.tif")
    np.testing.assert_array_equal(written.pixels[:, 0], labels)
    assert written.axes == image.axes.replace("C", "")
    assert written.sizes == image.sizes == _SIZES
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize(("most", "dtype"), [(65535, np.uint16), (65536, np.uint32)])
def test_labels_are_as_wide_as_they_need_be(tmp_path: Path, most: int, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.uint8))
    labels = np.full((1, 1, 4, 4), most, np.int32)
    write_labels(tmp_path / "b.tif", labels, like=read_image(tmp_path / "a.tif"))
    assert tifffile.imread(tmp_path / "b.tif").dtype == dtype


def test_colours_are_channels(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((6, 5, 3), np.uint8), photometric="rgb")
    assert read_image(tmp_path / "a.tif").pixels.shape == (1, 3, 1, 6, 5)


def test_pages_without_a_name_are_planes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 6, 5), np.uint8), photometric="minisblack")
    assert read_image(tmp_path / "a.tif").axes == "ZYX"


def test_the_calibration_of_imagej_is_known(tmp_path: Path) -> None:
    metadata = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((3, 6, 5), np.uint8), imagej=True, resolution=(4, 4), metadata=metadata
    )
    image = read_image(tmp_path / "a.tif")
    assert image.sizes["PhysicalSizeX"] == pytest.approx(0.25)
    assert plane_spacing(image) == pytest.approx(8)


def test_only_visible_tiff_files_are_images(tmp_path: Path) -> None:
    for name in ("b.TIF", "a.tiff", "c.csv", ".d.tif"):
        (tmp_path / name).touch()
    (tmp_path / "folder.tif").mkdir()
    assert [path.name for path in images_in(tmp_path)] == ["a.tiff", "b.TIF"]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.tif", "a.ome.tif"):
        (tmp_path / name).touch()
    with pytest.raises(UnsuitableImageError, match=r"a\.ome\.tif and a\.tif"):
        images_by_stem(tmp_path)


@pytest.mark.parametrize(("name", "expected"), [("a.tif", "a"), ("a.b.ome.tiff", "a.b"), ("x.OME.TIF", "x")])
def test_the_stem_is_the_name_without_its_endings(name: str, expected: str) -> None:
    assert stem(Path(name)) == expected
