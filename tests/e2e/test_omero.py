"""The biologist's road: images in OMERO, a workflow on a real Slurm cluster, results on the right images.

Everybody's object lies somewhere else in the image, so that pixels tell which result is of which image; names
are alike, and some are the same.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.biologist import (
    NAMES,
    OBJECT,
    Biologist,
    has_its_own_object,
    image_with_objects,
    is_outline_of,
    omero_variables,
    place_of,
)
from services.command import LEVELS, REPOSITORY, User
from services.omero_server import OmeroServer
from services.synthetic_nuclei import Scene, nuclei

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.sshd,
    pytest.mark.omero,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]


NUCLEI = REPOSITORY / "workflows" / "nuclei-segmentation"


@pytest.fixture
def shell(cluster_user: User, omero_server: OmeroServer) -> User:
    """Return a shell at which the service account acts for users."""
    variables = omero_variables(omero_server, cluster_user.home)
    return replace(cluster_user, variables={**cluster_user.variables, **variables})


def maps_of(seen: dict[str, Any], namespace: str) -> dict[str, str]:
    (found,) = [dict(pairs) for ns, pairs in seen["maps"] if ns == namespace]
    return found


@pytest.mark.parametrize("access", ["rw----", "rwr---", "rwra--"])
def test_rois_labels_tables_and_provenance_are_on_the_images_that_they_are_of(
    omero_server: OmeroServer, shell: User, access: str
) -> None:
    ann = Biologist(omero_server, shell, access)
    first, numbers = ann.dataset("first", (NAMES * 2)[:10], 0)
    second, more = ann.dataset("second", (NAMES * 2)[:10], 10)
    numbers |= more
    document = ann.run(
        "--omero", f"Dataset:{first}", f"Dataset:{second}", "--to", "rois,labels,tables,files,overlays",
        "--roi-name", "spot", "--param", "behave=tables",
    )  # fmt: skip
    assert document["problems"] == []
    for image, seen in ann.sees(list(numbers)).items():
        assert has_its_own_object(seen, numbers[image]), (image, seen)
        (table,) = seen["tables"]
        assert table["Image"] == [image]
        middle = [p + (OBJECT - 1) / 2 for p in place_of(numbers[image])]
        assert [table["y"], table["x"]] == [[middle[0]], [middle[1]]]
        assert maps_of(seen, "biomero/workflow")["Workflow_ID"] == document["id"]
        assert seen["files"]
    made = {row["id"]: row for row in omero_server.rows("Image") if document["id"] in str(row["description"])}
    assert len(made) == 20
    for label in ann.sees(list(made)).values():
        source = int(label["description"].split("(Image:")[1].split(")")[0])
        assert tuple(label["brightest"]) == place_of(numbers[source])
        assert (label["owner"], label["group"]) == (ann.name, ann.group)


def test_files_that_are_attached_in_omero_are_read_by_the_workflow(
    omero_server: OmeroServer, shell: User, tmp_path: Path
) -> None:
    ann = Biologist(omero_server, shell, "rwra--", name="dora")
    dataset, numbers = ann.dataset("first", NAMES[:3], 0)
    # only this level is above the background and below the objects
    files = (("my level;$(x).txt", b"500"), ("note.txt", b"one"), ("note.txt", b"two"))
    level, *notes = ann.attach(next(iter(numbers)), *files)
    inputs = [
        word for name in (f"level=FileAnnotation:{level}", *(f"notes=FileAnnotation:{n}" for n in notes))
        for word in ("--input", name)
    ]  # fmt: skip
    document = ann.run(
        "--omero", f"Dataset:{dataset}", *inputs, "--to", "rois,files", "--out", str(tmp_path / "results"),
        workflow=LEVELS,
    )  # fmt: skip
    assert document["problems"] == []
    for image, seen in ann.sees(list(numbers)).items():
        assert has_its_own_object(seen, numbers[image]), (image, seen)
        task = maps_of(seen, f"biomero/workflow/task/{document['workflow']['name']}")
        assert task["File_level"] == f"FileAnnotation:{level} (my level;$(x).txt)"
    (table,) = (tmp_path / "results" / "tables").iterdir()
    read = [line.partition(",")[::2] for line in table.read_text().splitlines()[1:]]
    called = {one["source"]: one["name"] for one in document["attachments"]}
    wanted = zip((level, *notes), ("500", "one", "two"), strict=True)
    assert read == [(called[f"omero:FileAnnotation:{number}"], content) for number, content in wanted]
    assert len({name for name, _ in read}) == len(files)


@pytest.mark.parametrize("access", ["rw----", "rwr---", "rwra--"])
def test_nuclei_of_a_plate_and_two_datasets_are_on_the_images_that_they_are_of(
    omero_server: OmeroServer, shell: User, access: str
) -> None:
    """The image of each number has that many objects and one more, so that no two results are alike."""
    cat = Biologist(omero_server, shell, access, name="cat", draw=image_with_objects)
    plate, numbers = cat.plate(8, 12)
    containers = [f"Plate:{plate}"]
    for name, start in (("first", 96), ("second", 106)):
        dataset, more = cat.dataset(name, (NAMES * 2)[:10], start)
        numbers |= more
        containers.append(f"Dataset:{dataset}")
    document = cat.run(
        "--omero", *containers, "--to", "rois,labels,tables", "--param", "min_area=4", workflow=NUCLEI
    )  # fmt: skip
    assert document["problems"] == []
    for image, seen in cat.sees(list(numbers)).items():
        assert len(seen["rois"]) == numbers[image] + 1
        assert [is_outline_of(outline, numbers[image]) for outline in seen["rois"]].count(True) == 1
        assert maps_of(seen, "biomero/workflow")["Workflow_ID"] == document["id"]
    counts = {image: number + 1 for image, number in numbers.items()}
    for container in containers:
        (table,) = cat.tables(container)
        assert dict(zip(table["Image"], table["n_objects"], strict=True)) == counts
    made = [row["id"] for row in omero_server.rows("Image") if document["id"] in str(row["description"])]
    assert len(made) == len(numbers) == 116
    for label in cat.sees(made).values():
        source = int(label["description"].split("(Image:")[1].split(")")[0])
        assert label["highest"] == counts[source]


def test_nuclei_are_outlined_where_they_are(omero_server: OmeroServer, shell: User) -> None:
    ann = Biologist(omero_server, shell, "rwra--", name="bea")
    scene = Scene(shape=(256, 256), count=25, clustered=0.2)
    truths = {}
    for seed in range(2):
        pixels, truth = nuclei(scene, seed=seed)
        truths[ann.add("nuclei.tif", pixels[None, None, None])] = truth
    document = ann.run("--omero", *(f"Image:{i}" for i in truths), "--to", "rois", workflow=NUCLEI)
    counted = [image["objects"] for image in document["images"]]
    for (image, truth), count in zip(truths.items(), counted, strict=True):
        outlines = ann.sees([image])[image]["rois"]
        assert len(outlines) >= count  # an object of two parts has an outline for each
        middles = [np.mean(outline, axis=0).astype(int) for outline in outlines]
        found = {int(truth[y, x]) for y, x in middles} - {0}
        # most nuclei have an outline of their own whose middle lies in them
        assert len(found) >= 0.8 * truth.max(), (len(found), truth.max())
