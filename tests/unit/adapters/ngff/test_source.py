from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from biomero.adapters.ngff import NgffSource
from biomero.domain.imaging import Channel, DisplayWindow, ImageMetadata, Quantity
from biomero.errors import ImageReadError
from biomero.testing.images import ArrayImage
from services.ngff import Write

CHANNELS = (
    Channel(name="DAPI", color="0000FF", window=DisplayWindow(start=1, end=9, min=0, max=255)),
    Channel(name="GFP", color="00FF00", window=DisplayWindow(start=0, end=5, min=0, max=65535)),
)
SCALE = {
    "t": Quantity(value=1.5, unit="second"),
    "y": Quantity(value=0.1, unit="micrometer"),
    "x": Quantity(value=0.1, unit="micrometer"),
}


def image() -> ArrayImage:
    pixels = np.random.default_rng(2).integers(0, 60_000, (2, 2, 3, 40, 50), dtype="uint16")
    return ArrayImage(pixels, "tczyx", name="my image", scale=SCALE, channels=CHANNELS)


def test_an_image_comes_back_as_it_was_written(write: Write) -> None:
    original = image()
    with NgffSource().open(write(original)) as found:
        assert found.metadata == original.metadata
        piece = found.read(t=1, c=0, z=2, y=slice(10, 20), x=slice(5, 50))
    np.testing.assert_array_equal(piece, original.pixels[1, 0, 2, 10:20, 5:50])


def test_a_colour_picture_comes_back_as_one(write: Write) -> None:
    path = write(ArrayImage(np.zeros((3, 8, 8), "uint8"), "cyx", is_rgb=True))
    assert NgffSource().open(path).metadata.is_rgb


def test_a_piece_is_a_chunk(write: Write) -> None:
    assert NgffSource().open(write(ArrayImage(np.zeros((1500, 700), "uint8"), "yx"))).block_shape == (
        1024,
        700,
    )


def test_a_file_or_folder_of_another_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for path in (tmp_path, tmp_path / "text"):
        with pytest.raises(ImageReadError, match="is not an OME-Zarr folder"):
            NgffSource().images_in(path)
    with pytest.raises(ImageReadError, match="is not there"):
        NgffSource().open(tmp_path / "missing.zarr")


def test_metadata_that_is_cut_off_is_an_error_that_names_the_file(write: Write) -> None:
    path = write(image())
    group = next(p for p in (path / "zarr.json", path / ".zattrs") if p.exists())
    group.write_bytes(group.read_bytes()[:100])
    with pytest.raises(ImageReadError, match=f"{group.name} is damaged"):
        NgffSource().open(path)


def test_a_missing_level_is_an_error_that_names_it(write: Write) -> None:
    path = write(image())
    shutil.rmtree(path / "0")
    with pytest.raises(ImageReadError, match=r"image\.ome\.zarr/0 cannot be read"):
        NgffSource().open(path)


def test_a_chunk_that_is_cut_off_is_an_error_that_names_the_array(write: Write) -> None:
    path = write(image())
    for chunk in (path / "0").rglob("*"):
        if chunk.is_file() and not chunk.name.startswith((".z", "zarr.json")):
            chunk.write_bytes(chunk.read_bytes()[:-30])
    found = NgffSource().open(path)
    with pytest.raises(ImageReadError, match=r"image\.ome\.zarr/0 cannot be read"):
        found.read(t=0, c=1, z=2, y=slice(0, 40), x=slice(0, 50))


@pytest.mark.parametrize(
    "change",
    [
        {"multiscales": []},
        {"multiscales": [{"version": "0.4", "axes": [{"name": "q"}, {"name": "x"}], "datasets": []}]},
        {"multiscales": [{"version": "0.2", "datasets": [{"path": "0"}]}]},
        {"multiscales": "no"},
        {},
    ],
)
def test_metadata_that_makes_no_sense_is_an_error(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / ".zgroup").write_text('{"zarr_format": 2}')
    (tmp_path / ".zattrs").write_text(json.dumps(change))
    with pytest.raises(ImageReadError, match=str(tmp_path)):
        NgffSource().open(tmp_path)


def test_display_settings_that_make_no_sense_are_left_out(write: Write) -> None:
    path = write(image())
    for file in (path / "zarr.json", path / ".zattrs"):
        if file.exists():
            file.write_text(
                file.read_text().replace('"color": "0000FF"', '"color": null').replace("start", "begin")
            )
    first = NgffSource().open(path).metadata.channels[0]
    assert first == Channel(name="DAPI")


def test_every_series_of_bioformats2raw_is_an_image(tmp_path: Path, write: Write) -> None:
    for index in range(3):
        write(ArrayImage(np.full((4, 4), index, "uint8"), "yx", name=f"series {index}"), f"all/{index}")
    (tmp_path / "all" / ".zgroup").write_text('{"zarr_format": 2}')
    (tmp_path / "all" / ".zattrs").write_text('{"bioformats2raw.layout": 3}')
    source = NgffSource()
    assert source.images_in(tmp_path / "all") == 3
    assert source.open(tmp_path / "all", index=2).metadata.name == "series 2"
    with pytest.raises(ImageReadError, match="3 images"):
        source.open(tmp_path / "all", index=3)


def test_every_field_of_a_plate_is_an_image(tmp_path: Path, write: Write) -> None:
    write(ArrayImage(np.zeros((4, 4), "uint8"), "yx", name="first"), "plate/A/1/0")
    write(ArrayImage(np.zeros((4, 4), "uint8"), "yx", name="second"), "plate/A/1/1")
    for folder, attributes in (
        ("plate", {"plate": {"wells": [{"path": "A/1"}]}}),
        ("plate/A/1", {"well": {"images": [{"path": "0"}, {"path": "1"}]}}),
    ):
        (tmp_path / folder / ".zgroup").write_text('{"zarr_format": 2}')
        (tmp_path / folder / ".zattrs").write_text(json.dumps(attributes))
    assert NgffSource().images_in(tmp_path / "plate") == 2
    assert NgffSource().open(tmp_path / "plate", index=1).metadata.name == "second"


def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".zattrs").write_text(json.dumps({"plate": {"wells": [{"path": "../b"}]}}))
    with pytest.raises(ImageReadError, match="outside"):
        NgffSource().images_in(tmp_path / "a")


def test_a_level_outside_of_the_folder_is_refused(write: Write) -> None:
    path = write(image(), "in/a")
    write(ArrayImage(np.zeros((4, 4), "uint8"), "yx"), "secret")
    for file in (path / "zarr.json", path / ".zattrs"):
        if file.exists():
            file.write_text(file.read_text().replace('"path": "0"', '"path": "../../secret/0"'))
    with pytest.raises(ImageReadError, match="outside"):
        NgffSource().open(path)


def test_axes_in_another_order_are_put_into_ours(write: Write) -> None:
    pixels = np.arange(2 * 3 * 4, dtype="uint8").reshape(2, 3, 4)
    path = write(ArrayImage(pixels, "zyx"))
    for file in (path / "zarr.json", path / ".zattrs"):
        if file.exists():
            text = file.read_text().replace('"name": "z"', '"name": "w"')
            text = text.replace('"name": "y"', '"name": "z"').replace('"name": "w"', '"name": "y"')
            file.write_text(text)
    found = NgffSource().open(path)
    assert found.metadata == ImageMetadata(
        name="array", axes="zyx", shape=(3, 2, 4), dtype="uint8", channels=found.metadata.channels
    )
    np.testing.assert_array_equal(found.read(z=1, y=slice(0, 2), x=slice(0, 4)), pixels[:, 1])
