"""Clients of OMERO that know nothing of us read back what we wrote."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore as ts
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from biomero.application.ports.omero import OmeroWriter, OutputKey, RoiSettings, TableColumn
from biomero.domain.ids import RunId
from biomero.domain.imaging import Channel, DisplayWindow, Quantity
from biomero.domain.omero import OmeroRef
from biomero.testing.images import ArrayImage
from integration.omero.conftest import Lab
from services.omero_server import PASSWORD
from services.omero_world import ServerWorld

pytestmark = [pytest.mark.slow, pytest.mark.omero]

RUN = RunId(str(uuid.uuid4()))
SHAPE = (3, 64, 96)
"""Planes, rows and columns of the label image."""


@pytest.fixture
def labels() -> NDArray[np.int32]:
    """Objects of many forms in three planes: ragged, with holes, in parts, touching each other."""
    cells = np.kron(np.arange(1, 25).reshape(4, 6), np.ones((16, 16), int))
    some = np.random.default_rng(1).random(SHAPE) < 0.8
    return (cells * some).astype(np.int32)


def key(output: str) -> OutputKey:
    return OutputKey(run_id=RUN, output=output)


def put_image(writer: OmeroWriter, pixels: NDArray[Any]) -> OmeroRef:
    window = DisplayWindow(start=5, end=900, min=0, max=65535)
    image = ArrayImage(
        pixels,
        axes="tczyx",
        scale={"x": Quantity(value=0.25, unit="micrometer"), "t": Quantity(value=2, unit="second")},
        channels=[Channel(name="DAPI", color="0000FF", window=window), Channel(name="GFP", color="00FF00")],
    )
    return writer.put_image(key("image"), image, name="Zellen/1 µm.tif", description="", dataset=None)


def read(world: ServerWorld, lab: Lab, image: OmeroRef) -> dict[str, Any]:
    login = (world.server.host, str(world.server.tls_port), lab.alice.name, PASSWORD)
    done = world.server.run("-m", "services.omero_clients.read_results", *login, str(image.id))
    assert done.returncode == 0, done.stderr[-3000:] + world.server.log[-2000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_images_and_what_is_attached_are_read_by_gateway_and_ezomero(
    world: ServerWorld, lab: Lab, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(2).integers(1, 999, (2, 2, 3, 64, 96), dtype=np.uint16)
    report = tmp_path / "report.txt"
    report.write_bytes(b"Bericht\n" * 700_000)
    columns = [
        TableColumn(name="Image", kind="image", values=[1, 2, 3]),
        TableColumn(name="Roi", kind="roi", values=[7, 8, 9]),
        TableColumn(name="area/µm²", kind="double", values=[1.5, None, -2]),
        TableColumn(name="class", kind="string", values=["größer", "b", None]),
        TableColumn(name="count", kind="long", values=[2**60, 0, -1]),
        TableColumn(name="ok", kind="bool", values=[True, False, True]),
    ]
    with world.omero.writer(lab.alice.name, group_id=lab.group.id) as writer:
        image = put_image(writer, pixels)
        writer.put_table(key("table"), columns, name="cells.csv", targets=[image])
        writer.put_file(key("file"), report, name="r.txt", media_type="text/plain", targets=[image])
        pairs = [("Name", "nuclei"), ("Name", "again"), ("Größe", "5 µm")]
        writer.put_map(key("map"), namespace="biomero/workflow", pairs=pairs, targets=[image])
    said = read(world, lab, image)
    assert said["name"] == "Zellen/1 µm.tif"
    assert (tuple(said["shape"]), said["dtype"]) == (pixels.shape, "uint16")
    assert said["pixels"] == hashlib.sha256(pixels.tobytes()).hexdigest()
    assert said["pixel size"] == ["MICROMETER", 0.25]
    assert said["channels"] == [["DAPI", "0000FF"], ["GFP", "00FF00"]]
    assert said["ranges"] == [[pixels[:, c].min(), pixels[:, c].max()] for c in range(2)]
    assert said["windows"] == [[5, 900], [pixels[:, 1].min(), pixels[:, 1].max()]]
    assert said["biomero/workflow"] == [list(pair) for pair in pairs]
    assert said["biomero/run/output"] == [["Run", RUN], ["Output", "image"]]
    digest = hashlib.sha1(report.read_bytes()).hexdigest()  # noqa: S324 - OMERO's choice
    assert said["biomero/output"] == ["r.txt", "text/plain", digest, digest]
    name, table = said["openmicroscopy.org/omero/bulk_annotations"]
    assert name == "cells.csv"
    assert np.isnan(table["area_µm²"].pop(1))
    assert table == {
        "Image": [1, 2, 3],
        "Roi": [7, 8, 9],
        "area_µm²": [1.5, -2],
        "class": ["größer", "b", ""],
        "count": [2**60, 0, -1],
        "ok": [True, False, True],
    }


@pytest.mark.parametrize("shape", ["polygon", "mask"])
def test_rois_have_the_pixels_of_the_label_image(
    world: ServerWorld, lab: Lab, labels: NDArray[np.int32], shape: str
) -> None:
    plain = np.zeros((1, 1, *SHAPE), np.uint8)
    image = world.image("a.tif", lab.alice, lab.group, pixels=plain)
    settings = RoiSettings(shape=shape, name_prefix="nuclei", color="FF8000")
    with world.omero.writer(lab.alice.name, group_id=lab.group.id) as writer:
        assert writer.put_rois(key(f"rois/{shape}"), ArrayImage(labels), image.id, settings) == 24
    rois = read(world, lab, image)["rois"]
    assert sorted(roi["name"] for roi in rois) == sorted(f"nuclei {number}" for number in range(1, 25))
    drawn = np.zeros(SHAPE, np.int32)
    for roi in rois:
        for one in roi["shapes"]:
            assert one["theT"] == 0
            assert one["theC"] is None
            assert one["textValue"] == roi["name"]
            assert (one["fillColor"] & 0xFFFFFFFF) >> 8 == 0xFF8000
            drawn[one["theZ"]] += int(roi["name"].split()[1]) * filled(one)
    assert np.array_equal(drawn, labels)


def filled(shape: dict[str, Any]) -> NDArray[np.bool_]:
    plane = np.zeros(SHAPE[1:], bool)
    if "points" in shape:
        corners = np.array([point.split(",") for point in shape["points"].split()], dtype=float)
        inside: NDArray[np.bool_] = polygon2mask(SHAPE[1:], corners[:, ::-1] - 0.5)  # type: ignore[no-untyped-call]
        return inside
    x, y, width, height = shape["box"]
    bits = np.unpackbits(np.frombuffer(base64.b64decode(shape["bits"]), np.uint8))
    plane[y : y + height, x : x + width] = bits[: width * height].reshape(height, width)
    return plane


def test_masks_are_exported_by_omero_cli_zarr(
    world: ServerWorld, lab: Lab, labels: NDArray[np.int32], tmp_path: Path
) -> None:
    plain = np.zeros((1, 1, *SHAPE), np.uint8)
    image = world.image("a.tif", lab.alice, lab.group, pixels=plain)
    with world.omero.writer(lab.alice.name, group_id=lab.group.id) as writer:
        settings = RoiSettings(shape="mask", name_prefix="nuclei")
        writer.put_rois(key("for zarr"), ArrayImage(labels), image.id, settings)
    command_line(world, lab, tmp_path, "zarr", "export", str(image))
    command_line(world, lab, tmp_path, "zarr", "masks", str(image))
    level = next(tmp_path.glob("*zarr/labels/*/s0"))
    driver = "zarr3" if (level / "zarr.json").exists() else "zarr"
    store = ts.open({"driver": driver, "kvstore": f"file://{level}/"}, open=True).result()
    found = store.read().result().reshape(SHAPE)
    pairs = {(int(a), int(b)) for a, b in zip(found.ravel(), labels.ravel(), strict=True)}
    # it numbers objects anew, each by one number
    assert len(pairs) == 25
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == 25


def command_line(world: ServerWorld, lab: Lab, folder: Path, *words: str) -> None:
    login = ("login", "-s", world.server.url, "-u", lab.alice.name, "-w", PASSWORD)
    for command in (login, words):
        # as root, whom its own start refuses
        entry = "import sys; from omero.cli import argv; sys.argv[0] = 'omero'; sys.exit(argv())"
        env = {"OMERO_SESSIONDIR": str(folder / "sessions"), "OMERODIR": str(world.server.folder)}
        done = world.server.run("-c", entry, *command, cwd=folder, env=env)
        assert done.returncode == 0, done.stdout + done.stderr[-4000:] + world.server.log[-2000:]
