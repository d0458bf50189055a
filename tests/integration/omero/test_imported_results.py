"""Rows of tables point at the ROIs of their objects, as others read them; plates look as their sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.errors import OmeroError
from integration.omero.conftest import Lab
from integration.omero.test_results_read_by_others import command_line, filled, read
from services.omero_import import Results
from services.omero_world import ServerWorld

pytestmark = [pytest.mark.slow, pytest.mark.omero]

TIMES, HEIGHT, WIDTH = 3, 64, 96


def labels_over_time() -> NDArray[np.uint16]:
    """Return objects that have the same numbers at each time, at other places."""
    random = np.random.default_rng(3)
    planes = []
    for _ in range(TIMES):
        numbers = random.permutation(24).reshape(4, 6)  # 0 is no object: one of the places is empty
        ragged = random.random((HEIGHT, WIDTH)) < 0.8
        planes.append(np.kron(numbers, np.ones((16, 16), int)) * ragged)
    return np.array(planes).astype(np.uint16)


@pytest.mark.parametrize("shape", ["polygon", "mask"])
@pytest.mark.parametrize("broken", ["IUpdate.saveAndReturnIds", "SharedResources.newTable"])
def test_rows_point_at_the_rois_of_their_objects(
    world: ServerWorld, lab: Lab, tmp_path: Path, shape: str, broken: str
) -> None:
    names = ("cell.tif", "cell.tif")
    plain = np.zeros((TIMES, 1, 1, HEIGHT, WIDTH), np.uint8)
    images = [world.image(name, lab.alice, lab.group, pixels=plain) for name in names]
    results = Results(tmp_path, world, lab.alice.name, images)
    numbers = [labels_over_time(), np.flip(labels_over_time(), axis=0)]
    rows = np.random.default_rng(4).permutation(
        [(i, t, n) for i in range(2) for t in range(TIMES) for n in (*range(1, 24), 77)]
    )
    lines = [f"image_{i},{t},{n}" for i, t, n in rows]
    results.table("all.csv", "\n".join(["image,frame,label", *lines]), of=None)
    for number, labels in enumerate(numbers):
        results.image(f"labels/image_{number}.ome.tif", labels, of=number)
    wishes = OmeroWishes(rois=RoiWish(shape=shape), tables=True)
    world.server.fail(broken, "InternalException")
    with pytest.raises(OmeroError):
        results.put(wishes)
    imported = results.put(wishes)
    (table,) = [made.ref for made in imported.objects if made.ref.kind is OmeroKind.TABLE]
    found = world.table(table, lab.alice)
    drawn = {roi["id"]: roi["shapes"] for image in images for roi in read(world, lab, image)["rois"]}
    assert len(drawn) == 2 * sum(len(np.unique(plane)) - 1 for plane in numbers[0])
    for (i, t, n), image, roi in zip(rows, found["Image"], found["Roi"], strict=True):
        assert image == images[i].id
        if n == 77:
            assert roi == -1
            continue
        pixels = np.zeros((HEIGHT, WIDTH), bool)
        for one in drawn[roi]:
            assert one["theT"] == t
            pixels ^= filled(one)
        assert np.array_equal(pixels, numbers[i][t] == n)


def test_a_plate_of_results_looks_as_its_source_and_is_exported_by_omero_cli_zarr(
    world: ServerWorld, lab: Lab, tmp_path: Path
) -> None:
    plain = np.zeros((1, 1, 1, HEIGHT, WIDTH), np.uint8)
    source = world.plate("p", {(1, 2): [plain, plain], (7, 11): [plain]}, lab.alice, lab.group)
    results = Results(tmp_path, world, lab.alice.name, [source])
    for number in range(3):
        results.image(f"labels/f{number}.ome.tif", np.full((HEIGHT, WIDTH), number + 1, np.uint16), of=number)
    imported = results.put(OmeroWishes(label_images=True, screen_name="results"))
    (made,) = [one.ref for one in imported.objects if one.ref.kind is OmeroKind.PLATE]
    looks = [
        {name: row[name] for name in ("rows", "columns", "rowNamingConvention", "columnNamingConvention")}
        for row in world.server.rows("Plate")
        if row["id"] in {source.id, made.id}
    ]
    assert looks[0] == looks[1]
    command_line(world, lab, tmp_path, "zarr", "export", str(OmeroRef(OmeroKind.PLATE, made.id)))
    (plate,) = tmp_path.glob("*zarr")
    assert sorted(path.relative_to(plate).as_posix() for path in plate.glob("[A-Z]/*/[0-9]")) == [
        "B/3/0",
        "B/3/1",
        "H/12/0",
    ]
