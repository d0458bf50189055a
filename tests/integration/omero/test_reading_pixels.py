"""Pixels over Ice: every type, large planes, many planes, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from biomero.adapters.ngff import NgffSource, NgffWriter
from biomero.adapters.ngff.layout import TILE_BYTES, plan_levels
from biomero.adapters.omero.session import open_session
from biomero.adapters.tiff import TiffSource
from biomero.application.pixel_blocks import pixel_windows
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.pyramids import PyramidSettings
from biomero.domain.imaging import Channel, DisplayWindow, Quantity
from biomero.errors import UnsupportedImageError
from services.omero_world import ServerWorld

from .conftest import Lab

pytestmark = pytest.mark.omero

TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]


@contextmanager
def opened(world: ServerWorld, lab: Lab, image: int, **settings: Any) -> Iterator[OpenImage]:
    with world.omero_with(**settings).reader(lab.alice.name) as reader, reader.open(image) as found:
        yield found


def numbered(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Return pixels of which no two neighbours, rows or planes are equal."""
    values = np.random.default_rng(3).integers(0, 2**31, shape)
    return values.view("u8").astype(dtype) if dtype[0] != "f" else (values / 7).astype(dtype)


@pytest.mark.parametrize("dtype", TYPES)
def test_pixels_of_every_type_arrive_as_they_are(world: ServerWorld, lab: Lab, dtype: str) -> None:
    pixels = numbered((2, 2, 3, 33, 47), dtype)
    image = world.image("i", lab.alice, lab.group, pixels=pixels)
    with opened(world, lab, image.id) as found:
        assert found.metadata.dtype == dtype
        assert found.metadata.axes == "tczyx"
        for window in pixel_windows(found):
            piece = window.read(found)
            assert piece.dtype == np.dtype(dtype)
            assert piece.dtype.isnative
            assert np.array_equal(piece, pixels[window.t, window.c, window.z, window.y, window.x])


def test_complex_pixels_are_refused(world: ServerWorld, lab: Lab) -> None:
    image = world.image("waves", lab.alice, lab.group, pixels=np.ones((1, 1, 1, 8, 8), np.complex64))
    with pytest.raises(UnsupportedImageError, match="complex"), opened(world, lab, image.id):
        pass


def test_a_bit_is_a_byte(world: ServerWorld, lab: Lab) -> None:
    image = created(world, lab, (40, 30, 1, 1, 1), "bit")
    with opened(world, lab, image) as found:
        assert found.metadata.dtype == "uint8"
        assert found.read(y=slice(0, 30), x=slice(0, 40)).shape == (30, 40)


def created(world: ServerWorld, lab: Lab, sizes: tuple[int, int, int, int, int], kind: str) -> int:
    """Make an image of zeros, sizes (x, y, z, t, c), which takes no room on the disk."""
    with open_session(world.settings(), lab.alice.name, lab.group.id) as session:
        (pixels_type,) = session.factory.getQueryService().findAllByQuery(
            f"select p from PixelsType p where p.value = '{kind}'",  # noqa: S608 - ours
            None,
        )
        x, y, z, t, c = sizes
        made = session.factory.getPixelsService().createImage(
            x, y, z, t, list(range(c)), pixels_type, "made", ""
        )
        return int(made.val)


def test_channels_and_sizes_are_known(world: ServerWorld, lab: Lab) -> None:
    image = world.server.add_image(
        "i",
        np.stack([np.full((4, 8, 8), 10), np.full((4, 8, 8), 200)])[np.newaxis].astype("uint8"),
        owner=lab.alice.name,
        group=lab.group.name,
        channels=[{"name": "DAPI", "colour": [0, 0, 255]}, {"name": "GFP", "colour": [0, 255, 0]}],
        pixel_size_um=0.325,
    )
    with opened(world, lab, image) as found:
        assert found.metadata.scale == {axis: Quantity(value=0.325, unit="micrometer") for axis in "yx"}
        assert found.metadata.channels == (
            Channel(name="DAPI", color="0000FF", window=DisplayWindow(start=10, end=10, min=10, max=10)),
            Channel(name="GFP", color="00FF00", window=DisplayWindow(start=200, end=200, min=200, max=200)),
        )
        assert not found.metadata.is_rgb


def test_three_samples_of_one_channel_are_colours(world: ServerWorld, lab: Lab) -> None:
    image = world.image("rgb", lab.alice, lab.group, pixels=numbered((1, 3, 1, 8, 8), "uint8"))
    with opened(world, lab, image.id) as found:
        assert not found.metadata.is_rgb
    make_colour_picture(world, lab, image.id)
    with opened(world, lab, image.id) as found:
        assert found.metadata.is_rgb
        assert [channel.color for channel in found.metadata.channels] == ["FF0000", "00FF00", "0000FF"]


def make_colour_picture(world: ServerWorld, lab: Lab, image: int) -> None:
    from omero.rtypes import rint
    from omero.sys import ParametersI

    with open_session(world.settings(), lab.alice.name, lab.group.id) as session:
        channels = session.factory.getQueryService().findAllByQuery(
            "select c from Channel c join fetch c.logicalChannel where c.pixels.image.id = :id order by c.id",
            ParametersI().addId(image),
        )
        one = channels[0].logicalChannel
        one.samplesPerPixel = rint(3)
        for channel in channels:
            channel.logicalChannel = one
            session.factory.getUpdateService().saveObject(channel)


def test_a_plane_with_a_pyramid_is_read_at_full_resolution(world: ServerWorld, lab: Lab) -> None:
    pixels = numbered((1, 1, 1, 4100, 5000), "uint8")
    image = world.image("large", lab.alice, lab.group, pixels=pixels)
    with opened(world, lab, image.id) as found:
        assert found.metadata.shape == (4100, 5000)
        for window in pixel_windows(found):
            assert np.array_equal(window.read(found), pixels[0, 0, 0, window.y, window.x])
        odd = found.read(y=slice(1000, 3333), x=slice(17, 4999))
        assert np.array_equal(odd, pixels[0, 0, 0, 1000:3333, 17:4999])


def test_a_plane_larger_than_a_message_of_ice_is_read(world: ServerWorld, lab: Lab) -> None:
    image = created(world, lab, (20_000, 15_000, 1, 1, 1), "uint16")
    with opened(world, lab, image) as found:
        assert not found.read(y=slice(0, 15_000), x=slice(0, 20_000)).any()


def test_a_plane_of_a_hundred_thousand_pixels_a_side_is_planned_and_read_at_its_ends(
    world: ServerWorld, lab: Lab
) -> None:
    side = 100_000
    image = created(world, lab, (side, side, 1, 1, 1), "uint8")  # 10 GB, which take no room on the disk
    with opened(world, lab, image) as found:
        assert found.metadata.shape == (side, side)
        before = forget_peak()
        levels = plan_levels(found.metadata, found.block_shape)
        assert [level.shape[-1] for level in levels] == [side >> n for n in range(len(levels))]
        assert all(np.prod(level.tile) <= TILE_BYTES for level in levels)
        for y, x in ((0, 0), (side - 1024, side - 1024), (side // 2, 0)):
            assert not found.read(y=slice(y, y + 1024), x=slice(x, x + 1024)).any()
        assert peak() - before < 100 << 20


def test_memory_does_not_grow_with_the_image(world: ServerWorld, lab: Lab) -> None:
    image = created(world, lab, (2048, 2048, 100, 1, 2), "uint16")  # 1.6 GB
    with opened(world, lab, image) as found:
        before = forget_peak()
        for window in pixel_windows(found):
            window.read(found)
        assert peak() - before < 100 << 20


def forget_peak() -> int:
    """Begin to measure anew, and return what is taken now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) << 10


def test_an_image_becomes_ome_zarr(world: ServerWorld, lab: Lab, tmp_path: Path) -> None:
    pixels = numbered((1, 2, 5, 1100, 1300), "uint16")
    image = world.image("export", lab.alice, lab.group, pixels=pixels)
    before = world.server.calls("RawPixelsStore.getTile")
    with opened(world, lab, image.id) as found:
        NgffWriter().write(found, tmp_path / "out.zarr", PyramidSettings(version="0.5"))
    assert world.server.calls("RawPixelsStore.getTile") - before == 2 * 5 * 2  # nothing was read in vain
    with NgffSource().open(tmp_path / "out.zarr") as written:
        for c, z in ((0, 0), (1, 4)):
            plane = written.read(c=c, z=z, y=slice(0, 1100), x=slice(0, 1300))
            assert np.array_equal(plane, pixels[0, c, z])


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_pixels_come_over_tls_or_not(world: ServerWorld, lab: Lab, is_encrypted: bool) -> None:  # noqa: FBT001
    image = world.image("i", lab.alice, lab.group)
    server = world.server
    way = {"host": server.host, "port": server.tls_port, "is_encrypted": is_encrypted}
    with opened(world, lab, image.id, **way) as found:
        assert found.read(c=1, y=slice(0, 1), x=slice(0, 4)).tolist() == [[960, 961, 962, 963]]
    assert server.ask("open_sessions", user=lab.alice.name) == []


def test_the_original_file_is_read_where_it_is_mounted(world: ServerWorld, lab: Lab, tmp_path: Path) -> None:
    pixels = numbered((1, 1, 2, 700, 900), "uint16")
    image = world.image("as named in OMERO", lab.alice, lab.group, pixels=pixels)
    tifffile.imwrite(tmp_path / "o.ome.tif", pixels[0, 0], metadata={"axes": "ZYX"}, photometric="minisblack")
    server = world.server
    server.add_fileset(
        f"alice_{image.id}/2026-11",
        {"o.ome.tif": tmp_path / "o.ome.tif"},
        [image.id],
        owner=lab.alice.name,
        group=lab.group.name,
    )
    world.files = TiffSource()
    with opened(world, lab, image.id, repository=server.repository) as found:
        before = server.calls("RawPixelsStore.getTile")
        for z in range(2):
            plane = found.read(z=z, y=slice(0, 700), x=slice(0, 900))
            assert np.array_equal(plane, pixels[0, 0, z])
        assert found.metadata.name == "as named in OMERO"
        assert server.calls("RawPixelsStore.getTile") == before
