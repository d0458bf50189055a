from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from biomero.adapters.report.composite import composite
from biomero.adapters.report.outlines import draw_outlines
from biomero.adapters.report.pictures import thumbnail
from biomero.adapters.report.reduced import reduced_channel, reduced_labels, reduction
from biomero.adapters.report.writer import HtmlReport
from biomero.domain.imaging import Channel
from biomero.errors import ImageWriteError
from biomero.testing.images import ArrayImage


def read_png(path: Path) -> NDArray[Any]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB))


def test_an_overlay_has_outlines_and_leaves_the_rest_as_it_is(tmp_path: Path) -> None:
    pixels = np.zeros((600, 700), dtype="uint16")
    pixels[100:200, 100:200] = 1000
    labels = np.zeros((600, 700), dtype="uint32")
    labels[100:200, 100:200] = 70_000
    HtmlReport().write_overlay(ArrayImage(pixels), [ArrayImage(labels)], tmp_path / "o.png")
    picture = read_png(tmp_path / "o.png")
    assert picture.shape == (600, 700, 3)
    assert (picture[150, 150] == 255).all()
    assert np.ptp(picture[100, 150].astype(int)) > 100
    assert (picture[99, 150] == 0).all()


def test_large_images_become_small_pictures_and_keep_their_outlines(tmp_path: Path) -> None:
    labels = np.zeros((5001, 9003), dtype="uint16")
    labels[1000:1400, 2000:2500] = 5
    image = ArrayImage(labels, block_shape=(256, 256))
    label_image = ArrayImage(labels, block_shape=(256, 256))
    HtmlReport().write_overlay(image, [label_image], tmp_path / "o.png")
    picture = read_png(tmp_path / "o.png")
    assert picture.shape == (1000, 1800, 3)
    edges = np.ptp(picture.astype(int), axis=2) > 100
    assert edges[200:280, 400:500].sum() > 2 * 300
    assert max(image.largest_read, label_image.largest_read) <= 2050**2


def test_small_images_are_shown_larger(tmp_path: Path) -> None:
    HtmlReport().write_overlay(ArrayImage(np.zeros((40, 60), dtype="uint8")), [], tmp_path / "o.png")
    assert read_png(tmp_path / "o.png").shape == (320, 480, 3)


def test_an_image_of_one_pixel_is_a_picture(tmp_path: Path) -> None:
    one = ArrayImage(np.ones((1, 1), dtype="uint8"))
    HtmlReport().write_overlay(one, [one], tmp_path / "o.png")
    assert read_png(tmp_path / "o.png").shape == (512, 512, 3)


def test_a_very_long_image_is_a_picture(tmp_path: Path) -> None:
    image = ArrayImage(np.ones((3, 30_000), dtype="uint8"))
    HtmlReport().write_overlay(image, [image], tmp_path / "o.png")
    assert read_png(tmp_path / "o.png").shape[1] == 2000


def test_a_stack_is_shown_by_its_brightest_pixels() -> None:
    stack = np.zeros((3, 4, 5), dtype="uint16")
    stack[2, 1, 1], stack[0, 2, 2] = 7, 9
    image = ArrayImage(stack)
    assert reduced_channel(image, c=0, factor=1)[1, 1] == 7
    assert reduced_labels(image, factor=1)[2, 2] == 9


def test_reduced_pixels_are_means_and_reduced_labels_are_labels() -> None:
    pixels = np.arange(36, dtype="uint8").reshape(6, 6)
    image = ArrayImage(pixels, block_shape=(2, 2))
    np.testing.assert_allclose(
        reduced_channel(image, c=0, factor=3), pixels.reshape(2, 3, 2, 3).mean(axis=(1, 3))
    )
    np.testing.assert_array_equal(reduced_labels(image, factor=3), pixels[1::3, 1::3])
    assert reduction(ArrayImage(np.zeros((10, 2049), dtype="uint8")).metadata) == 2


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "int64", "float32", "float64", "complex64"])
def test_every_pixel_type_can_be_shown(dtype: str) -> None:
    pixels = np.zeros((20, 20), dtype=dtype)
    pixels[5:10, 5:10] = 1
    picture = composite(ArrayImage(pixels), factor=1)
    assert (picture[7, 7] == 255).all()
    assert (picture[0, 0] == 0).all()


def test_numbers_that_are_none_and_flat_images_do_no_harm() -> None:
    pixels = np.full((20, 20), np.nan, dtype="float32")
    pixels[0, 0] = np.inf
    assert (composite(ArrayImage(pixels), factor=1) == 0).all()
    assert (composite(ArrayImage(np.full((9, 9), 7, dtype="uint8")), factor=1) == 0).all()


def test_channels_have_their_colours_where_these_tell_them_apart() -> None:
    pixels = np.zeros((2, 20, 20), dtype="uint16")
    pixels[0, :10], pixels[1, 10:] = 500, 900

    def colours(*names: str | None) -> list[list[int]]:
        image = ArrayImage(pixels, axes="cyx", channels=[Channel(color=n) for n in names])
        picture = composite(image, factor=1)
        return [picture[0, 0].tolist(), picture[19, 0].tolist()]

    assert colours("00FF00", "FF0000") == [[0, 255, 0], [255, 0, 0]]
    palette = [[0x33, 0x66, 0xFF], [0x33, 0xDD, 0x33]]
    assert colours("FFFFFF", "FFFFFF") == palette
    assert colours(None, "FF0000") == palette


def test_a_colour_picture_keeps_its_colours() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (3, 20, 20)).astype("uint8")
    image = ArrayImage(pixels, axes="cyx", is_rgb=True)
    np.testing.assert_array_equal(composite(image, factor=1), np.moveaxis(pixels, 0, 2))


def test_neighbours_have_different_colours() -> None:
    labels = np.repeat(np.arange(1, 65, dtype="uint16"), 8)[None, :].repeat(10, axis=0)
    picture = np.zeros((10, 512, 3), dtype="uint8")
    draw_outlines(picture, labels)
    edges = [picture[5, 8 * i + 7].tolist() for i in range(63)]
    assert all(np.abs(np.subtract(a, b)).max() > 60 for a, b in itertools.pairwise(edges))
    assert (picture[5, 3] == 0).all()


def test_background_and_negative_numbers_have_no_outlines() -> None:
    labels = np.full((9, 9), -1, dtype="int32")
    labels[4:, 4:] = 0
    picture = np.zeros((9, 9, 3), dtype="uint8")
    draw_outlines(picture, labels)
    assert not picture.any()


def test_a_thumbnail_is_small_and_a_missing_picture_none(tmp_path: Path) -> None:
    HtmlReport().write_overlay(ArrayImage(np.zeros((900, 900), dtype="uint8")), [], tmp_path / "o.png")
    address = thumbnail(tmp_path / "o.png", edge=100)
    assert address is not None
    assert address.startswith("data:image/jpeg;base64,")
    assert len(address) < 5000
    assert thumbnail(tmp_path / "none.png", edge=100) is None
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert thumbnail(tmp_path / "bad.png", edge=100) is None


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    image = ArrayImage(np.zeros((9, 9), dtype="uint8"))
    with pytest.raises(ImageWriteError, match="nowhere"):
        HtmlReport().write_overlay(image, [], tmp_path / "nowhere" / "o.png")
