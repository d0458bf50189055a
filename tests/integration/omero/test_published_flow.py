"""What the published scripts ask of OMERO, asked of the test server: ours reads what they wrote."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from biomero.adapters.ngff import NgffSource
from biomero.domain.omero import OmeroKind, OmeroRef
from services.biologist import OBJECT, image_with_object, place_of
from services.omero_server import PASSWORD
from services.omero_world import ServerWorld

from .conftest import Lab

pytestmark = [pytest.mark.omero, pytest.mark.slow]

RUN = "5d1c8a52-6f1e-4c2a-9a53-0f4c9e2b7a11"
DIFFERENT = ("cell.tif", "cell_1.tif", "cell_11.tif")
ALIKE = ("cell.tif", "cell.tif", "cell_1.tif")
"""Of which omero-metadata makes no table."""


def scripts(world: ServerWorld, lab: Lab, *words: object) -> Any:
    server = world.server
    login = (server.host, str(server.tls_port), lab.alice.name, PASSWORD)
    done = server.run("-m", "services.omero_clients.published_flow", *login, *map(str, words), RUN)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def plane(path: Path) -> NDArray[Any]:
    with NgffSource().open(path) as store:
        return store.read(y=slice(0, 48), x=slice(0, 48))


@pytest.mark.parametrize("names", [DIFFERENT, ALIKE], ids=["different", "alike"])
def test_a_dataset_goes_out_and_labels_come_back_to_the_images_that_they_are_of(
    world: ServerWorld, lab: Lab, tmp_path: Path, names: tuple[str, ...]
) -> None:
    project = world.container(OmeroKind.PROJECT, "p", lab.alice, lab.group)
    dataset = world.container(OmeroKind.DATASET, "d", lab.alice, lab.group, project)
    images = {
        world.image(name, lab.alice, lab.group, pixels=image_with_object(n), dataset=dataset).id: n
        for n, name in enumerate(names)
    }
    sent = scripts(world, lab, "export", dataset.id, tmp_path)
    assert len(sent["names"]) == len(set(sent["names"].values())) == len(images)
    stores = tmp_path / "unpacked"
    with zipfile.ZipFile(sent["archive"]) as zipped:
        assert "Batch_Image_Export.txt" in zipped.namelist()
        zipped.extractall(stores)
    results = tmp_path / "results"
    results.mkdir()
    for image, stem in sent["names"].items():
        pixels = plane(stores / f"{stem}.zarr")
        assert np.array_equal(pixels, image_with_object(images[int(image)])[0, 0, 0])
        tifffile.imwrite(results / f"{stem}.tif", (pixels > 500).astype(np.uint16))
    (results / "names.json").write_text(json.dumps(sent["names"]))
    (results / "counts.csv").write_text("Image Name,objects\ncell.tif,1\n")

    brought = scripts(world, lab, "bring", dataset.id, results)
    assert brought["project"] == project.id
    with world.omero.reader(lab.alice.name) as reader:
        found = reader.select([OmeroRef(OmeroKind.DATASET, brought["dataset"])])
        assert {image.id for image in found.images} == set(brought["made"].values())
        for image, made in brought["made"].items():
            y, x = place_of(images[int(image)])
            expected = np.zeros((48, 48), np.uint16)
            expected[y : y + OBJECT, x : x + OBJECT] = 1
            with reader.open(made) as opened:
                assert np.array_equal(opened.read(y=slice(0, 48), x=slice(0, 48)), expected)
    rois = [row["image"] for row in world.server.rows("Roi")]
    assert all(rois.count(image) == 1 for image in images)
    # tables are bulk annotations, and what omero-metadata could not read is a file
    (kept,) = [row for row in world.server.rows("FileAnnotation") if row["id"] == brought["table"]]
    assert ("bulk_annotations" in str(kept["ns"])) is (names is DIFFERENT)
