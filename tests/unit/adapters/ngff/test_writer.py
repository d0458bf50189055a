from __future__ import annotations

import itertools
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import yaozarrs

from biomero.adapters.ngff import NgffWriter
from biomero.application.ports.pyramids import PyramidSettings
from biomero.domain.imaging import Channel, DisplayWindow, Quantity
from biomero.errors import ImageReadError, ImageWriteError
from biomero.testing.images import ArrayImage
from services.ngff import Write, attributes, levels, ome, read_array

MICROMETER = Quantity(value=0.325, unit="micrometer")


def pixels(*shape: int, dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(1).integers(0, 4000, shape).astype(dtype)


@pytest.mark.parametrize("axes", ["yx", "zyx", "cyx", "tyx", "czyx", "tczyx"])
def test_an_image_is_valid_and_keeps_its_axes_and_pixels(write: Write, axes: str) -> None:
    sizes = {"t": 3, "c": 2, "z": 5, "y": 300, "x": 411}
    image = ArrayImage(pixels(*(sizes[a] for a in axes)), axes, scale={"y": MICROMETER, "x": MICROMETER})
    path = write(image)
    yaozarrs.validate_zarr_store(str(path))
    assert [axis["name"] for axis in ome(path)["multiscales"][0]["axes"]] == list(axes)
    np.testing.assert_array_equal(levels(path)[0], image.pixels)


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (255, 1000), (513, 257), (1025, 2049), (2051, 4099)])
def test_each_level_halves_the_one_before_until_a_side_is_short(write: Write, shape: tuple[int, int]) -> None:
    found = levels(write(ArrayImage(pixels(*shape), "yx")))
    for larger, smaller in itertools.pairwise(found):
        height, width = larger.shape[0] // 2, larger.shape[1] // 2
        exact = larger[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean((1, 3))
        np.testing.assert_allclose(smaller, exact, atol=0.5)
    assert min(found[-1].shape) < 256
    assert all(min(level.shape) >= 256 for level in found[:-1])


def test_a_deep_image_is_cut_into_tiles_without_a_seam(tmp_path: Path, settings: PyramidSettings) -> None:
    # Larger than one tile in y, x and z, and odd in each.
    image = ArrayImage(pixels(5, 2049, 1101, dtype="uint8"), "zyx")
    path = tmp_path / "a.zarr"
    NgffWriter(tile_bytes=4 * 2**20).write(image, path, settings)
    found = levels(path)
    np.testing.assert_array_equal(found[0], image.pixels)
    exact = image.pixels[:, :2048, :1100].reshape(5, 1024, 2, 550, 2).mean((2, 4))
    np.testing.assert_array_equal(found[1], np.rint(exact))
    assert [level.shape for level in found] == [(5, 2049, 1101), (5, 1024, 550), (5, 512, 275), (5, 256, 137)]


def test_scales_double_from_level_to_level_and_name_their_units(write: Write) -> None:
    scale = {
        "t": Quantity(value=30.0, unit="second"),
        "z": Quantity(value=2.0, unit="nanometer"),
        "y": MICROMETER,
        "x": MICROMETER,
    }
    path = write(ArrayImage(pixels(2, 1, 3, 600, 700), "tczyx", scale=scale))
    multiscale = ome(path)["multiscales"][0]
    assert [axis.get("unit") for axis in multiscale["axes"]] == [
        "second", None, "nanometer", "micrometer", "micrometer",
    ]  # fmt: skip
    scales = [level["coordinateTransformations"] for level in multiscale["datasets"]]
    assert scales == [[{"type": "scale", "scale": [30.0, 1.0, 2.0, 0.325 * f, 0.325 * f]}] for f in (1, 2, 4)]


def test_channels_keep_names_colors_and_windows_and_missing_windows_are_measured(write: Write) -> None:
    window = DisplayWindow(start=5, end=50, min=0, max=4095)
    channels = (Channel(name="DAPI", color="0000ff", window=window), Channel(name="GFP"))
    image = ArrayImage(np.stack([pixels(20, 30), np.full((20, 30), 7, "uint16")]), "cyx", channels=channels)
    image.pixels[1, 4, 4] = 900
    first, second = ome(write(image))["omero"]["channels"]
    assert (first["label"], first["color"]) == ("DAPI", "0000FF")
    assert first["window"] == {"start": 5, "end": 50, "min": 0, "max": 4095}
    assert second["label"] == "GFP"
    assert second["window"] == {"start": 7, "end": 900, "min": 0, "max": 65535}


def test_windows_of_floating_point_images_ignore_what_is_not_a_number(write: Write) -> None:
    image = ArrayImage(np.array([[np.nan, 1.5], [np.inf, -2.0]], "float32"), "yx")
    channel = ome(write(image))["omero"]["channels"][0]
    assert channel["window"] == {"start": -2.0, "end": 1.5, "min": -2.0, "max": 1.5}


def test_a_colour_picture_has_red_green_and_blue_channels(write: Write) -> None:
    path = write(ArrayImage(pixels(3, 20, 30, dtype="uint8"), "cyx", is_rgb=True))
    channels = ome(path)["omero"]["channels"]
    assert [(c["label"], c["color"]) for c in channels] == [
        ("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"),
    ]  # fmt: skip
    assert attributes(path)["biomero"] == {"rgb": True}
    yaozarrs.validate_zarr_store(str(path))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64", "bool"])
def test_labels_are_halved_without_inventing_labels(write: Write, dtype: str) -> None:
    image = ArrayImage(pixels(600, 601).astype(dtype), "yx")
    path = write(image, is_label=True)
    yaozarrs.validate_zarr_store(str(path))
    found = levels(path)
    assert ome(path)["image-label"] is not None
    np.testing.assert_array_equal(found[1], found[0][:600:2, :600:2])
    assert found[0].dtype.name == ("uint8" if dtype == "bool" else dtype)


def test_sharded_images_have_few_files(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.zarr"
    NgffWriter().write(ArrayImage(pixels(8, 2048, 2048), "zyx"), path, PyramidSettings(version="0.5"))
    chunks = [f for f in (path / "0").rglob("*") if f.is_file() and f.name != "zarr.json"]
    assert len(chunks) == 1


def test_a_long_series_of_small_images_has_few_files(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.zarr"
    NgffWriter().write(ArrayImage(pixels(200, 64, 64), "tyx"), path, PyramidSettings(version="0.5"))
    assert sum(1 for f in path.rglob("*") if f.is_file()) == 3


def test_names_of_any_bytes_survive_as_text(write: Write) -> None:
    path = write(ArrayImage(pixels(8, 8), "yx", name='a\udcff "b" <c>'))
    assert ome(path)["multiscales"][0]["name"] == 'a? "b" <c>'
    yaozarrs.validate_zarr_store(str(path))


def test_progress_counts_every_byte(tmp_path: Path, settings: PyramidSettings) -> None:
    image = ArrayImage(pixels(3, 100, 100), "zyx")
    seen: list[int] = []
    NgffWriter().write(image, tmp_path / "a.zarr", settings, progress=seen.append)
    assert sum(seen) == image.pixels.nbytes


def test_damaged_pixels_leave_nothing_behind(tmp_path: Path, settings: PyramidSettings) -> None:
    image = ArrayImage(pixels(4, 1500, 1500), "zyx", damaged_plane=3)
    with pytest.raises(ImageReadError, match="plane 3 is damaged"):
        NgffWriter().write(image, tmp_path / "a.zarr", settings)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_that_leaves_nothing_behind(
    tmp_path: Path, settings: PyramidSettings
) -> None:
    image = ArrayImage(pixels(4, 1500, 1500), "zyx")
    with files_of_at_most(100_000), pytest.raises(ImageWriteError, match=r"a\.zarr cannot be written"):
        NgffWriter().write(image, tmp_path / "a.zarr", settings)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path, settings: PyramidSettings) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImageWriteError, match=r"file/a\.zarr"):
        NgffWriter().write(ArrayImage(pixels(8, 8), "yx"), tmp_path / "file" / "a.zarr", settings)


def test_what_stands_there_is_not_overwritten(write: Write) -> None:
    path = write(ArrayImage(pixels(8, 8), "yx"))
    with pytest.raises(ImageWriteError, match="exists already"):
        write(ArrayImage(pixels(9, 9), "yx"))
    assert read_array(path / "0").shape == (8, 8)


def test_what_a_killed_attempt_left_is_cleared(tmp_path: Path, write: Write) -> None:
    (tmp_path / "image.ome.zarr.part" / "0").mkdir(parents=True)
    (tmp_path / "image.ome.zarr.part" / "0" / "junk").write_text("junk")
    path = write(ArrayImage(pixels(8, 8), "yx"))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert not (path / "0" / "junk").exists()


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_pixels_are_refused(write: Write, dtype: str) -> None:
    with pytest.raises(ImageWriteError, match="complex"):
        write(ArrayImage(np.zeros((4, 4), dtype), "yx"))


def test_labels_of_floating_point_are_refused(write: Write) -> None:
    with pytest.raises(ImageWriteError, match="labels are integers"):
        write(ArrayImage(np.zeros((4, 4), "float32"), "yx"), is_label=True)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let writing fail as on a full disk, without one: this process may write no longer files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
