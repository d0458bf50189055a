"""Pixels and files at the test server, byte for byte as OMERO sends them."""

from __future__ import annotations

import numpy as np
import pytest

from services.omero_callers import Caller, Callers, RefusedError
from services.omero_server import OmeroServer


@pytest.fixture(scope="module")
def alice(omero_server: OmeroServer, callers: Callers) -> Caller:
    omero_server.add_group("lab", "rwr---")
    omero_server.add_user("alice", ["lab"])
    omero_server.add_user("bob", ["lab"])
    return callers.log_in("alice")


@pytest.mark.parametrize(
    "kind", ["int8", "uint8", "int16", "uint16", ">u2", "int32", "uint32", "float32", ">f4", "float64"]
)
def test_pixels_of_all_types_are_sent_big_endian(omero_server: OmeroServer, alice: Caller, kind: str) -> None:
    pixels = (np.arange(3 * 2 * 2 * 5 * 6) - 7).astype("int8").reshape(3, 2, 2, 5, 6).astype(kind)
    image = omero_server.add_image("cells.tif", pixels, owner="alice", group="lab")
    expected = pixels.astype(pixels.dtype.newbyteorder(">"))
    tile = alice.tile(image, [1, 0, 2, 1, 2, 4, 3])
    assert tile == expected[2, 0, 1, 2:5, 1:5].tobytes().hex()
    cube = alice.hypercube(image, [1, 0, 0, 1, 1], [4, 5, 2, 1, 2], [1, 2, 1, 1, 1])
    assert cube == expected[1:3, 1:2, 0:2, 0:5:2, 1:5].tobytes().hex()
    said = alice.pyramid(image)
    assert (said["needed"], said["bytes"]) == (False, pixels.itemsize)
    assert (said["signed"], said["float"]) == (pixels.dtype.kind != "u", pixels.dtype.kind == "f")


@pytest.mark.parametrize(
    "place", [[0, 0, 0, 3, 0, 4, 4], [0, 0, 0, 0, -1, 1, 1], [1, 0, 0, 0, 0, 1, 1], [0, 1, 0, 0, 0, 1, 1]]
)
def test_tiles_beyond_the_pixels_are_refused(
    omero_server: OmeroServer, alice: Caller, place: list[int]
) -> None:
    pixels = np.zeros((1, 1, 1, 4, 4), "uint8")
    image = omero_server.add_image("cells.tif", pixels, owner="alice", group="lab")
    with pytest.raises(RefusedError, match="ApiUsageException"):
        alice.tile(image, place)


def test_large_planes_have_levels_of_which_the_last_is_the_largest(
    omero_server: OmeroServer, alice: Caller
) -> None:
    pixels = np.arange(3200, dtype="uint16") + np.zeros((1, 1, 1, 3200, 1), "uint16")
    image = omero_server.add_image("slide.tif", pixels, owner="alice", group="lab")
    said = alice.pyramid(image)
    assert (said["needed"], said["level"]) == (True, 2)
    assert said["levels"] == [[3200, 3200], [1600, 1600], [800, 800]]
    assert said["tile"] == [1024, 1024]
    assert alice.tile(image, [0, 0, 0, 10, 0, 2, 1]) == "000a000b"
    assert alice.tile(image, [0, 0, 0, 10, 0, 2, 1], level=0) == "0028002c"
    with pytest.raises(RefusedError, match="ApiUsageException"):
        alice.tile(image, [0, 0, 0, 799, 0, 2, 1], level=0)


def test_pixels_outlive_the_server(omero_server: OmeroServer, callers: Callers) -> None:
    pixels = np.full((1, 1, 1, 2, 2), 7, "uint8")
    image = omero_server.add_image("cells.tif", pixels, owner="alice", group="lab")
    callers.log_in("alice").write_pixels(image)
    omero_server.restart()
    assert callers.log_in("alice").tile(image, [0, 0, 0, 0, 0, 2, 2]) == "00000000"


def test_files_are_read_by_who_sees_them_and_written_by_who_may_edit(callers: Callers) -> None:
    alice, bob = callers.log_in("alice"), callers.log_in("bob")
    file = alice.create_file("note.txt", "hello")
    assert bob.read_file(file) == "hello"
    with pytest.raises(RefusedError, match="SecurityViolation"):
        bob.write_file(file, "mine")
    assert alice.read_file(file) == "hello"
