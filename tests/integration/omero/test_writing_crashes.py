"""Whoever writes is killed between any two calls, and goes on: each object is there once, and no more."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biomero.application.describe_run import output_to_json
from biomero.application.run_document import OutputKind
from biomero.domain.omero import OmeroKind
from integration.omero.conftest import Lab
from services.omero_import import Results
from services.omero_py import REPOSITORY
from services.omero_server import PASSWORD
from services.omero_world import ServerWorld

# also lets the file begin early: all of it takes a quarter of an hour
pytestmark = [pytest.mark.slow, pytest.mark.omero, pytest.mark.timeout(600)]

KINDS = (
    "Project",
    "Dataset",
    "Image",
    "Pixels",
    "Channel",
    "LogicalChannel",
    "StatsInfo",
    "Roi",
    "Shape",
    "Annotation",
    "OriginalFile",
    "Screen",
    "Plate",
    "Well",
    "WellSample",
    "ProjectDatasetLink",
    "DatasetImageLink",
    "ImageAnnotationLink",
    "ScreenPlateLink",
    "DatasetAnnotationLink",
    "ScreenAnnotationLink",
    "PlateAnnotationLink",
    "RoiAnnotationLink",
    "AnnotationAnnotationLink",
)
FEWEST_CALLS = {
    "dataset": 2,
    "screen": 2,
    "plate": 4,
    "image": 15,
    "field": 16,
    "well": 20,
    "rois": 9,
    "table": 15,
    "file": 12,
    "map": 5,
}
FEWEST_CALLS_OF_A_RUN = 120
PARTS = 8


@pytest.fixture
def world(omero_server: Any) -> ServerWorld:
    return ServerWorld(omero_server)


@pytest.mark.parametrize("what", FEWEST_CALLS)
def test_a_killed_writer_is_gone_on_with(world: ServerWorld, lab: Lab, tmp_path: Path, what: str) -> None:
    told = walk(world, orders(world, lab, tmp_path, what))
    assert told["calls"] >= FEWEST_CALLS[what], told
    assert told["deaths"] == told["calls"]


@pytest.mark.parametrize("first", range(PARTS))
def test_a_killed_import_of_a_run_is_gone_on_with(
    world: ServerWorld, lab: Lab, tmp_path: Path, first: int
) -> None:
    """Each part kills at other calls; all together at every one."""
    order = orders(world, lab, tmp_path, "run")
    told = walk(world, order | {"step": PARTS, "first": first})
    assert told["deaths"] >= FEWEST_CALLS_OF_A_RUN // PARTS, told
    names = [str(row["name"]) for row in world.server.rows("Roi")]
    assert not [name for name in names if "to be cleared" in name]


def walk(world: ServerWorld, order: dict[str, Any]) -> dict[str, Any]:
    """Kill a writer at one call after the other, each time for another run; return what was told of it."""
    before = counted(world)
    clean = f"clean-{uuid.uuid4()}"
    put_and_die(order | {"run": clean}, only_clean=True)
    once = counted(world) - before
    before = counted(world)
    run = f"run-{uuid.uuid4()}"
    told = put_and_die(order | {"run": run})
    runs = told["deaths"] + 1  # the last child was killed by nobody
    assert counted(world) - before == Counter({kind: n * runs for kind, n in once.items()}), told
    assert contents(world, run) == contents(world, clean)
    return told


def orders(world: ServerWorld, lab: Lab, tmp_path: Path, what: str) -> dict[str, Any]:
    project = world.container(OmeroKind.PROJECT, "p", lab.alice, lab.group)
    dataset = world.container(OmeroKind.DATASET, "d", lab.alice, lab.group)
    plane = np.zeros((1, 1, 1, 90, 120), np.uint8)
    screen = world.container(OmeroKind.SCREEN, "s", lab.alice, lab.group)
    plate = world.plate("p", {(1, 2): [np.zeros((1, 1, 1, 8, 8), np.uint8)]}, lab.alice, lab.group)
    image = world.image("a.tif", lab.alice, lab.group, pixels=plane, dataset=dataset)
    inside = world.container(OmeroKind.DATASET, "inside", lab.alice, lab.group, project)
    other = world.image("b.tif", lab.alice, lab.group, pixels=plane, dataset=inside)
    results = Results(tmp_path / "results", world, lab.alice.name, [plate, other])
    results.table("all.csv", "image,label\nimage_0,2\nimage_0,1\n", of=None)
    results.image(
        "images/all.tif", np.arange(64, dtype=np.uint8).reshape(8, 8), of=None, kind=OutputKind.IMAGE
    )
    results.image("labels/f.tif", np.kron([[1, 0], [0, 2]], np.ones((4, 4))).astype(np.uint16), of=0)
    results.file("overlays/f.png", b"a picture", of=0, kind=OutputKind.OVERLAY)
    file = tmp_path / "report.txt"
    file.write_bytes(b"some text\n" * 500_000)
    return {
        "host": world.server.url,
        "service": world.service,
        "password": PASSWORD,
        "user": lab.alice.name,
        "group": lab.group.id,
        "what": what,
        "project": project.id,
        "dataset": dataset.id,
        "image": image.id,
        "screen": screen.id,
        "plate": plate.id,
        "file": str(file),
        "request": results.request.to_json(),
        "results": str(results.folder),
        "outputs": [output_to_json(output) for output in results.outputs],
    }


def contents(world: ServerWorld, run: str) -> list[set[Any]]:
    """Return what pixels, files and numbers of ROIs of one name there are, for all of a run."""
    images = {row["id"] for row in world.server.rows("Image") if str(row["name"]).startswith(run)}
    rois = Counter(row["name"] for row in world.server.rows("Roi") if str(row["name"]).startswith(run))
    return [
        {row["sha1"] for row in world.server.rows("Pixels") if row["image"] in images},
        {row["size"] for row in world.server.rows("OriginalFile") if str(row["name"]).startswith(run)},
        {*rois.values()},
    ]


def counted(world: ServerWorld) -> Counter[str]:
    return Counter({kind: len(world.server.rows(kind)) for kind in KINDS})


def put_and_die(order: dict[str, Any], *, only_clean: bool = False) -> dict[str, Any]:
    done = subprocess.run(
        (sys.executable, "-W", "ignore", "-m", "services.dying_writer"),
        input=json.dumps(order | {"only_clean": only_clean}),
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY / "tests",
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told
