"""The biologist's road: images in OMERO, a workflow on a real Slurm cluster, results on the right images.

Everybody's object lies somewhere else in the image, so that pixels tell which result is of which image; names
are alike, and some are the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.command import REPOSITORY, THRESHOLD, Ended, User
from services.omero_server import PASSWORD, OmeroServer

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.sshd,
    pytest.mark.omero,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]

_SIDE, _OBJECT = 48, 4
_SERVICE = "biomero-service"
_READING = REPOSITORY / "tests" / "services" / "omero_reading.py"
_NAMES = ("cell.tif", "cell.tif", "cell_1.tif", "cell_11.tif", "Cell_1.TIF", "a b;$(x)'.tif", "cell_1")


def image_with_object(number: int) -> NDArray[Any]:
    """Return an image whose bright square lies where no other number's does."""
    pixels = np.full((1, 1, 1, _SIDE, _SIDE), 10, np.uint16)
    y, x = place_of(number)
    pixels[..., y : y + _OBJECT, x : x + _OBJECT] = 1000
    return pixels


def place_of(number: int) -> tuple[int, int]:
    """Return where the square of a number begins (y, x)."""
    across = (_SIDE - 2) // _OBJECT
    return 1 + _OBJECT * (number // across), 1 + _OBJECT * (number % across)


class Biologist:
    """Somebody with images in a group of OMERO, and a cluster."""

    def __init__(self, server: OmeroServer, shell: User, access: str) -> None:
        self.server = server
        self.shell = shell
        self.name, self.group = f"ann-{access.strip('-')}", f"lab-{access.strip('-')}"
        server.add_group(self.group, access)
        server.add_user(self.name, [self.group])

    def dataset(self, name: str, names: Sequence[str], first: int) -> tuple[int, dict[int, int]]:
        """Make a dataset; return its id, and the number of each image by its id."""
        dataset = self.server.add_container("Dataset", name, owner=self.name, group=self.group)
        return dataset, {self.image(n, first + i, dataset): first + i for i, n in enumerate(names)}

    def image(self, name: str, number: int, dataset: int | None = None) -> int:
        return self.server.add_image(
            name, image_with_object(number), owner=self.name, group=self.group, dataset=dataset
        )

    def plate(self, rows: int, columns: int) -> tuple[int, dict[int, int]]:
        """Make a plate with one image a well."""
        wells = {(r, c): [image_with_object(r * columns + c)] for r in range(rows) for c in range(columns)}
        before = {row["id"] for row in self.server.rows("Image")}
        plate = self.server.add_plate("plate", wells, owner=self.name, group=self.group, size=(rows, columns))
        new = sorted({row["id"] for row in self.server.rows("Image")} - before)
        return plate, dict(zip(new, range(rows * columns), strict=True))

    def run(self, *words: str, workflow: Path = THRESHOLD) -> dict[str, Any]:
        """Run a workflow; return the run's document."""
        options = ("--omero-user", self.name, "--runtime", "process", "--json", *self.shell.cluster)
        ended = self.shell.biomero("run", workflow, *words, *options, timeout_s=600)
        return succeeded(ended).document

    def sees(self, images: Sequence[int]) -> dict[int, Any]:
        """Return what is on images, as an unmodified client sees it."""
        done = self.server.run(str(_READING), self.server.url, self.name, PASSWORD, *map(str, images))
        assert done.returncode == 0, done.stderr
        return {int(image): found for image, found in json.loads(done.stdout).items()}


def succeeded(ended: Ended) -> Ended:
    assert ended.code == 0, ended.stderr + ended.stdout
    return ended


@pytest.fixture
def shell(cluster_user: User, omero_server: OmeroServer) -> User:
    """Return a shell at which the service account acts for users."""
    known = {row["omeName"] for row in omero_server.rows("Experimenter")}
    if _SERVICE not in known:
        omero_server.add_user(_SERVICE, is_admin=True, privileges=["Sudo"])
    secret = cluster_user.home / "omero-password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    settings = cluster_user.home / "slurm-config.ini"
    settings.write_text(
        f"{settings.read_text()}[OMERO]\nhost = {omero_server.host}\nport = {omero_server.tls_port}\n"
        f"user = {_SERVICE}\npassword_file = {secret}\n"
    )
    return cluster_user


def has_its_own_object(seen: dict[str, Any], number: int) -> bool:
    """Say whether the only ROI of an image is the outline of that image's square."""
    (outline,) = seen["rois"]
    ys, xs = zip(*outline, strict=True)
    y, x = place_of(number)
    return bool(abs(min(ys) - y) <= 1 and abs(min(xs) - x) <= 1 and abs(max(ys) - min(ys) - _OBJECT) <= 1)


def maps_of(seen: dict[str, Any], namespace: str) -> dict[str, str]:
    (found,) = [dict(pairs) for ns, pairs in seen["maps"] if ns == namespace]
    return found


@pytest.mark.parametrize("access", ["rw----", "rwr---", "rwra--"])
def test_rois_labels_tables_and_provenance_are_on_the_images_that_they_are_of(
    omero_server: OmeroServer, shell: User, access: str
) -> None:
    ann = Biologist(omero_server, shell, access)
    first, numbers = ann.dataset("first", (_NAMES * 2)[:10], 0)
    second, more = ann.dataset("second", (_NAMES * 2)[:10], 10)
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
        middle = [p + (_OBJECT - 1) / 2 for p in place_of(numbers[image])]
        assert [table["y"], table["x"]] == [[middle[0]], [middle[1]]]
        assert maps_of(seen, "biomero/workflow")["Workflow_ID"] == document["id"]
        assert seen["files"]
    made = {row["id"]: row for row in omero_server.rows("Image") if document["id"] in str(row["description"])}
    assert len(made) == 20
    for label in ann.sees(list(made)).values():
        source = int(label["description"].split("(Image:")[1].split(")")[0])
        assert tuple(label["brightest"]) == place_of(numbers[source])
        assert (label["owner"], label["group"]) == (ann.name, ann.group)


def test_a_whole_plate_goes_through_and_each_well_has_its_own_result(
    omero_server: OmeroServer, shell: User
) -> None:
    ann = Biologist(omero_server, shell, "rwrw--")
    plate, numbers = ann.plate(8, 12)
    document = ann.run("--omero", f"Plate:{plate}", "--to", "rois,tables", "--param", "behave=tables")
    assert len(document["images"]) == 96
    for image, seen in ann.sees(list(numbers)).items():
        assert has_its_own_object(seen, numbers[image]), (image, seen)
