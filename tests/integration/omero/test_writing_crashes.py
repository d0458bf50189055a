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

from biomero.domain.omero import OmeroKind
from integration.omero.conftest import Lab
from services.omero_py import REPOSITORY
from services.omero_server import PASSWORD
from services.omero_world import ServerWorld

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


@pytest.fixture
def world(omero_server: Any) -> ServerWorld:
    return ServerWorld(omero_server)


@pytest.mark.slow
@pytest.mark.omero
@pytest.mark.parametrize("what", FEWEST_CALLS)
def test_a_killed_writer_is_gone_on_with(world: ServerWorld, lab: Lab, tmp_path: Path, what: str) -> None:
    order = orders(world, lab, tmp_path, what)
    before = counted(world)
    told = put_and_die(order | {"run": f"clean-{uuid.uuid4()}"}, only_clean=True)
    once = counted(world) - before
    assert told["calls"] >= FEWEST_CALLS[what], told
    before = counted(world)
    run = f"run-{uuid.uuid4()}"
    told = put_and_die(order | {"run": run})
    deaths = told["calls"]
    # one more for the last child, which nobody killed
    assert counted(world) - before == Counter({kind: n * (deaths + 1) for kind, n in once.items()}), told
    assert {len(set(of_kind)) for of_kind in contents(world, run)} <= {0, 1}


def orders(world: ServerWorld, lab: Lab, tmp_path: Path, what: str) -> dict[str, Any]:
    project = world.container(OmeroKind.PROJECT, "p", lab.alice, lab.group)
    dataset = world.container(OmeroKind.DATASET, "d", lab.alice, lab.group)
    plane = np.zeros((1, 1, 1, 90, 120), np.uint8)
    screen = world.container(OmeroKind.SCREEN, "s", lab.alice, lab.group)
    plate = world.plate("p", {(1, 2): [np.zeros((1, 1, 1, 8, 8), np.uint8)]}, lab.alice, lab.group)
    image = world.image("a.tif", lab.alice, lab.group, pixels=plane, dataset=dataset)
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
    }


def contents(world: ServerWorld, run: str) -> list[list[Any]]:
    """Return digests of pixels and files, and how many ROIs of each number there are, for all of a run."""
    images = {row["id"] for row in world.server.rows("Image") if str(row["name"]).startswith(run)}
    rois = Counter(row["name"] for row in world.server.rows("Roi") if str(row["name"]).startswith(run))
    return [
        [row["sha1"] for row in world.server.rows("Pixels") if row["image"] in images],
        [row["size"] for row in world.server.rows("OriginalFile") if str(row["name"]).startswith(run)],
        list(rois.values()),
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
        timeout=250,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told
