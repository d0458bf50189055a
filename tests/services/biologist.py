"""Somebody who works with OMERO: images that tell each other apart, a shell, and what a client sees after."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.command import REPOSITORY, THRESHOLD, Ended, User
from services.omero_server import PASSWORD, OmeroServer

SERVICE = "biomero-service"
"""The account that acts for users: an administrator who may do nothing else."""
NAMES = ("cell.tif", "cell.tif", "cell_1.tif", "cell_11.tif", "Cell_1.TIF", "a b;$(x)'.tif", "cell_1")
"""Names that are alike, and some that are the same."""
OBJECT = 4
"""How long the sides of the square in an image are."""
_SIDE = 48
_APART, _IN_ROW = 8, 6
_ATTACHING = REPOSITORY / "tests" / "services" / "omero_attaching.py"
_READING = REPOSITORY / "tests" / "services" / "omero_reading.py"


def image_with_object(number: int) -> NDArray[Any]:
    """Return an image whose bright square lies where no other number's does."""
    pixels = np.full((1, 1, 1, _SIDE, _SIDE), 10, np.uint16)
    y, x = place_of(number)
    pixels[..., y : y + OBJECT, x : x + OBJECT] = 1000
    return pixels


def place_of(number: int) -> tuple[int, int]:
    """Return where the square of a number begins (y, x)."""
    across = (_SIDE - 2) // OBJECT
    return 1 + OBJECT * (number // across), 1 + OBJECT * (number % across)


def image_with_objects(number: int) -> NDArray[Any]:
    """Return such an image with as many objects more, below the one that is its own."""
    below = np.full((1, 1, 1, _APART * (number // _IN_ROW + 1), _SIDE), 10, np.uint16)
    for other in range(number):
        y, x = _APART * (other // _IN_ROW) + 2, _APART * (other % _IN_ROW) + 2
        below[..., y : y + OBJECT, x : x + OBJECT] = 1000
    return np.concatenate([image_with_object(number), below], axis=-2)


class Biologist:
    """Somebody with images in a group of OMERO, and a cluster.

    Parameters
    ----------
    draw
        Makes the image of a number.
    """

    def __init__(
        self,
        server: OmeroServer,
        shell: User,
        access: str,
        *,
        name: str = "ann",
        draw: Callable[[int], NDArray[Any]] = image_with_object,
    ) -> None:
        self.server = server
        self.shell = shell
        self.draw = draw
        self.name, self.group = f"{name}-{access.strip('-')}", f"lab-of-{name}-{access.strip('-')}"
        server.add_group(self.group, access)
        server.add_user(self.name, [self.group])

    def dataset(self, name: str, names: Sequence[str], first: int) -> tuple[int, dict[int, int]]:
        """Make a dataset; return its id, and the number of each image by its id."""
        dataset = self.server.add_container("Dataset", name, owner=self.name, group=self.group)
        return dataset, {self.image(n, first + i, dataset): first + i for i, n in enumerate(names)}

    def image(self, name: str, number: int, dataset: int | None = None) -> int:
        return self.add(name, self.draw(number), dataset)

    def add(self, name: str, pixels: NDArray[Any], dataset: int | None = None) -> int:
        """Make an image of pixels (t, c, z, y, x)."""
        return self.server.add_image(name, pixels, owner=self.name, group=self.group, dataset=dataset)

    def plate(self, rows: int, columns: int) -> tuple[int, dict[int, int]]:
        """Make a plate with one image a well."""
        wells = {(r, c): [self.draw(r * columns + c)] for r in range(rows) for c in range(columns)}
        before = {row["id"] for row in self.server.rows("Image")}
        plate = self.server.add_plate("plate", wells, owner=self.name, group=self.group, size=(rows, columns))
        new = sorted({row["id"] for row in self.server.rows("Image")} - before)
        return plate, dict(zip(new, range(rows * columns), strict=True))

    def attach(self, image: int, *files: tuple[str, bytes]) -> list[int]:
        """Attach files to an image, as an unmodified client does; return the ids of their annotations."""
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, (name, content) in enumerate(files):
                paths.append(Path(folder, str(number), name))  # some share a name
                paths[-1].parent.mkdir()
                paths[-1].write_bytes(content)
            words = (self.server.url, self.name, PASSWORD, str(image), *map(str, paths))
            done = self.server.run(str(_ATTACHING), *words)
        assert done.returncode == 0, done.stderr
        made: list[int] = json.loads(done.stdout)
        return made

    def run(self, *words: str, workflow: Path = THRESHOLD) -> dict[str, Any]:
        """Run a workflow; return the run's document."""
        options = ("--omero-user", self.name, "--runtime", "process", "--json", *self.shell.cluster)
        ended = self.shell.biomero("run", workflow, *words, *options, timeout_s=600)
        return succeeded(ended).document

    def sees(self, images: Sequence[int]) -> dict[int, Any]:
        """Return what is on images, as an unmodified client sees it."""
        return {int(image): found for image, found in self._read(*map(str, images)).items()}

    def tables(self, container: str) -> list[dict[str, list[Any]]]:
        """Return the columns of each table of a dataset or plate, as such a client sees it."""
        found: list[dict[str, list[Any]]] = self._read(container)[container]
        return found

    def _read(self, *what: str) -> dict[str, Any]:
        done = self.server.run(str(_READING), self.server.url, self.name, PASSWORD, *what)
        assert done.returncode == 0, done.stderr
        read: dict[str, Any] = json.loads(done.stdout)
        return read


def succeeded(ended: Ended) -> Ended:
    assert ended.code == 0, ended.stderr + ended.stdout
    return ended


def omero_variables(server: OmeroServer, folder: Path) -> Mapping[str, str]:
    """Return what lets BIOMERO be the service account, which is made if it is not there."""
    if SERVICE not in {row["omeName"] for row in server.rows("Experimenter")}:
        server.add_user(SERVICE, is_admin=True, privileges=["Sudo"])
    secret = folder / "omero-password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    return {
        "BIOMERO_OMERO_HOST": server.host,
        "BIOMERO_OMERO_PORT": str(server.tls_port),
        "BIOMERO_OMERO_USER": SERVICE,
        "BIOMERO_OMERO_PASSWORD_FILE": str(secret),
    }


def has_its_own_object(seen: Mapping[str, Any], number: int) -> bool:
    """Say whether the only ROI of an image is the outline of that image's square."""
    (outline,) = seen["rois"]
    return is_outline_of(outline, number)


def is_outline_of(outline: Sequence[tuple[float, float]], number: int) -> bool:
    """Say whether a polygon is the outline of the square of a number."""
    ys, xs = zip(*outline, strict=True)
    y, x = place_of(number)
    return bool(abs(min(ys) - y) <= 1 and abs(min(xs) - x) <= 1 and abs(max(ys) - min(ys) - OBJECT) <= 1)
