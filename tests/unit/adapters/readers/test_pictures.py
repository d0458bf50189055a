from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from biomero.adapters.readers import PictureSource
from biomero.errors import ImageReadError
from services.pixels import noise, whole


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_grey_png_comes_back(dtype: str, tmp_path: Path) -> None:
    pixels = noise(40, 30, dtype=dtype)
    cv2.imwrite(str(tmp_path / "grey.png"), pixels)
    with PictureSource().open(tmp_path / "grey.png") as image:
        assert (image.metadata.axes, image.metadata.dtype, image.metadata.name) == ("yx", dtype, "grey")
        np.testing.assert_array_equal(whole(image), pixels)


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_colour_png_is_red_green_blue_without_alpha(samples: int, dtype: str, tmp_path: Path) -> None:
    pixels = noise(40, 30, samples, dtype=dtype)
    cv2.imwrite(str(tmp_path / "colour.png"), pixels)  # cv2 takes blue, green, red
    with PictureSource().open(tmp_path / "colour.png") as image:
        assert image.metadata.is_rgb
        np.testing.assert_array_equal(whole(image), np.moveaxis(pixels[..., 2::-1], -1, 0))


def test_a_jpeg_is_red_green_blue(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :80]
    pixels = np.stack([y * 3, x * 2, y + x], axis=-1).astype("uint8")
    cv2.imwrite(str(tmp_path / "colour.jpg"), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])
    with PictureSource().open(tmp_path / "colour.jpg") as image:
        assert image.metadata.is_rgb
        assert np.abs(whole(image).astype(int) - np.moveaxis(pixels, -1, 0)).max() < 8


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_a_picture_cut_anywhere_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    cv2.imwrite(str(path), noise(40, 30, 3, dtype="uint8"))
    complete = path.read_bytes()
    for end in [*range(60), *range(60, len(complete), 41), len(complete) - 1]:
        path.write_bytes(complete[:end])
        with pytest.raises(ImageReadError, match=name):
            PictureSource().open(path)
        with pytest.raises(ImageReadError, match=name):
            PictureSource().images_in(path)


def test_a_changed_byte_in_a_png_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    cv2.imwrite(str(path), noise(40, 30))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match="check sum"):
        PictureSource().open(path)
