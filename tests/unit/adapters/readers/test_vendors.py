from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import mrc
import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray
from pylibCZIrw import czi as pyczi

from biomero.adapters.readers import (
    CziSource,
    DvSource,
    ImsSource,
    LifSource,
    MrcSource,
    Nd2Source,
    OifSource,
)
from biomero.application.ports.image_source import ImageSource
from biomero.domain.imaging import Quantity
from biomero.errors import ImageReadError, UnsupportedImageError
from services.pixels import noise, whole

write_dv: Any = mrc.imwrite  # the library leaves it without types


def micrometres(value: float) -> Quantity:
    return Quantity(value=value, unit="micrometer")


def write_czi(path: Path, pixels: NDArray[Any], *, compression: str = "zstd1:ExplicitLevel=1") -> None:
    """Write an array (t, c, z, y, x)."""
    with pyczi.create_czi(str(path), exist_ok=True, compression_options=compression) as czi:
        for t, c, z in np.ndindex(pixels.shape[:3]):
            czi.write(pixels[t, c, z], plane={"T": t, "C": c, "Z": z}, location=(-10, 5))
        names = {c: f"channel {c}" for c in range(pixels.shape[1])}
        czi.write_metadata("cells", names, scale_x=0.25e-6, scale_y=0.25e-6, scale_z=1e-6)


@pytest.mark.parametrize("compression", ["zstd1:ExplicitLevel=1", "uncompressed:"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_czi_comes_back_with_sizes_and_channels(dtype: str, compression: str, tmp_path: Path) -> None:
    pixels = noise(2, 2, 3, 40, 50, dtype=dtype)
    write_czi(tmp_path / "a.czi", pixels, compression=compression)
    assert CziSource().images_in(tmp_path / "a.czi") == 1
    with CziSource().open(tmp_path / "a.czi") as image:
        assert image.metadata.axes == "tczyx"
        assert image.metadata.scale == {"x": micrometres(0.25), "y": micrometres(0.25), "z": micrometres(1)}
        assert [channel.name for channel in image.metadata.channels] == ["channel 0", "channel 1"]
        np.testing.assert_array_equal(whole(image), pixels)
        piece = image.read(t=1, c=1, z=2, y=slice(3, 17), x=slice(20, 50))
        np.testing.assert_array_equal(piece, pixels[1, 1, 2, 3:17, 20:50])


def test_each_scene_of_a_czi_is_an_image(tmp_path: Path) -> None:
    first, second = noise(40, 50), noise(30, 20)
    with pyczi.create_czi(str(tmp_path / "a.czi")) as czi:
        czi.write(first, plane={"C": 0}, scene=0)
        czi.write(second, plane={"C": 0}, scene=1, location=(500, 500))
    assert CziSource().images_in(tmp_path / "a.czi") == 2
    with CziSource().open(tmp_path / "a.czi", index=1) as image:
        np.testing.assert_array_equal(whole(image), second)
    with CziSource().open(tmp_path / "a.czi", index=0) as image:
        np.testing.assert_array_equal(whole(image), first)
    with pytest.raises(ImageReadError, match="no number 2"):
        CziSource().open(tmp_path / "a.czi", index=2)


def test_a_mosaic_czi_is_put_together(tmp_path: Path) -> None:
    pixels = noise(60, 80)
    with pyczi.create_czi(str(tmp_path / "a.czi")) as czi:
        for top in (0, 30):
            for left in (0, 40):
                czi.write(pixels[top : top + 30, left : left + 40], plane={"C": 0}, location=(left, top))
    with CziSource().open(tmp_path / "a.czi") as image:
        np.testing.assert_array_equal(whole(image), pixels)


def test_a_colour_czi_is_red_green_blue(tmp_path: Path) -> None:
    pixels = noise(40, 50, 3, dtype="uint8")
    with pyczi.create_czi(str(tmp_path / "a.czi")) as czi:
        czi.write(pixels, plane={"C": 0})  # blue, green, red
    with CziSource().open(tmp_path / "a.czi") as image:
        assert image.metadata.is_rgb
        np.testing.assert_array_equal(whole(image), np.moveaxis(pixels[..., ::-1], -1, 0))


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float32"])
def test_mrc_comes_back(dtype: str, tmp_path: Path) -> None:
    pixels = noise(5, 40, 50, dtype=dtype)
    with mrcfile.new(tmp_path / "a.mrc", pixels) as written:
        written.set_volume()
        written.voxel_size = 2.5
    with MrcSource().open(tmp_path / "a.mrc") as image:
        assert image.metadata.axes == "zyx"
        assert image.metadata.scale["z"] == Quantity(value=2.5, unit="angstrom")
        np.testing.assert_array_equal(whole(image), pixels)


@pytest.mark.parametrize(("order", "expected"), [("w z", (0, 1, 2, 3)), ("z w", (1, 0, 2, 3))])
def test_dv_comes_back(order: str, expected: tuple[int, ...], tmp_path: Path) -> None:
    pixels = noise(3, 4, 40, 50)
    sizes = {"dx": 0.125, "dy": 0.125, "dz": 0.5}
    write_dv(str(tmp_path / "a.dv"), pixels, zAxisOrder=order, metadata=sizes)
    with DvSource().open(tmp_path / "a.dv") as image:
        assert image.metadata.axes == "czyx"
        assert image.metadata.scale["x"] == micrometres(0.125)
        np.testing.assert_array_equal(whole(image), pixels.transpose(expected))


def write_ims(path: Path, pixels: NDArray[Any]) -> None:
    """Write an array (t, c, z, y, x) as Imaris does: padded to whole chunks, texts as single characters."""

    def letters(value: object) -> NDArray[Any]:
        return np.frombuffer(str(value).encode(), "S1")

    times, channels, depth, height, width = pixels.shape
    with h5py.File(path, "w") as ims:
        image = ims.create_group("DataSetInfo/Image").attrs
        for axis, (name, size) in enumerate((("X", width), ("Y", height), ("Z", depth))):
            image[name] = letters(size)
            image[f"ExtMin{axis}"] = letters(10)
            image[f"ExtMax{axis}"] = letters(10 + size * 0.5)
        image["Unit"] = letters("um")
        for c in range(channels):
            described = ims.create_group(f"DataSetInfo/Channel {c}").attrs
            described["Name"] = letters(f"channel {c}")
            described["Color"] = letters("1.000 0.500 0.000")
        for t, c in np.ndindex(times, channels):
            padded = np.zeros((8, 64, 64), pixels.dtype)
            padded[:depth, :height, :width] = pixels[t, c]
            place = f"DataSet/ResolutionLevel 0/TimePoint {t}/Channel {c}/Data"
            ims.create_dataset(place, data=padded, chunks=(4, 32, 32), compression="gzip")


def test_ims_comes_back_without_its_padding(tmp_path: Path) -> None:
    pixels = noise(2, 3, 4, 40, 50)
    write_ims(tmp_path / "a.ims", pixels)
    with ImsSource().open(tmp_path / "a.ims") as image:
        assert image.block_shape == (32, 32)
        assert image.metadata.scale["y"] == micrometres(0.5)
        assert image.metadata.channels[2].name == "channel 2"
        assert image.metadata.channels[2].color == "FF8000"
        np.testing.assert_array_equal(whole(image), pixels)


def test_hdf5_that_is_not_imaris_is_left_to_others(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.ims", "w") as other:
        other["x"] = 1
    with pytest.raises(UnsupportedImageError, match="DataSet"):
        ImsSource().open(tmp_path / "a.ims")


def written_czi(path: Path) -> None:
    write_czi(path, noise(1, 2, 2, 40, 50))


def written_mrc(path: Path) -> None:
    mrcfile.new(path, noise(5, 40, 50)).close()


def written_dv(path: Path) -> None:
    write_dv(str(path), noise(4, 40, 50))


def written_ims(path: Path) -> None:
    write_ims(path, noise(1, 1, 2, 40, 50))


@pytest.mark.parametrize(
    ("source", "write"),
    [
        (CziSource(), written_czi),
        (MrcSource(), written_mrc),
        (DvSource(), written_dv),
        (ImsSource(), written_ims),
    ],
)
def test_a_file_cut_anywhere_is_refused_or_whole(
    source: ImageSource, write: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "a.file"
    write(path)
    with source.open(path) as image:
        pixels = whole(image)
    complete = path.read_bytes()
    for end in [*range(0, 200, 23), *range(200, len(complete), len(complete) // 40), len(complete) - 1]:
        path.write_bytes(complete[:end])
        try:
            with source.open(path) as image:
                np.testing.assert_array_equal(whole(image), pixels)
        except ImageReadError as error:
            assert str(path) in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    "source",
    [CziSource(), DvSource(), ImsSource(), LifSource(), MrcSource(), Nd2Source(), OifSource()],
    ids=lambda source: type(source).__name__,
)
@pytest.mark.parametrize("content", [b"", b"no image at all", bytes(5000), b"\xff" * 5000])
def test_what_is_not_of_the_format_is_refused(source: ImageSource, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.oif"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=r"a\.oif"):
        source.open(path)
    with pytest.raises(ImageReadError, match=r"a\.oif"):
        source.images_in(path)


def test_a_missing_library_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "a.lif").write_bytes(b"x")
    script = (
        "import sys; sys.modules['liffile'] = None\n"  # as if it were not installed
        "from pathlib import Path\n"
        "from biomero.adapters.readers import LifSource\n"
        "LifSource().open(Path('a.lif'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert 'a.lif needs the library liffile: pip install "biomero[readers]"' in done.stderr
