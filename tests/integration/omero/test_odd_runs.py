"""Runs with odd images and odd results, on the wire: what can be done is done, and the rest is told.

The cluster is one of fakes, whose jobs leave what a test wants; images, permissions and objects are the test
server's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from biomero.application.choose_omero_images import OmeroOrder
from biomero.application.describe_run import describe_run
from biomero.application.drive_here import drive_here
from biomero.application.engine.patience import Patience
from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.application.ports.progress import SilentListener
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.domain.ids import RunId
from biomero.domain.job import JobSpec
from biomero.domain.omero import GroupAccess, OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.errors import InputError, OmeroObjectError, OmeroPermissionError
from services.command import THRESHOLD
from services.fake_world import FakeJobs, FakeWorld
from services.omero_server import PASSWORD
from services.omero_world import ServerWorld

from .conftest import Lab

pytestmark = [pytest.mark.omero]

_READING = Path(__file__).parents[2] / "services" / "omero_reading.py"
EVERYTHING = OmeroWishes(label_images=True, images=True, rois=RoiWish(), tables=True, files=True)

Leave = Callable[[Path, str], None]
"""Leaves results in a folder; is told the name of the input."""


@dataclass
class OddJobs(FakeJobs):
    """Leaves other results than the workflow would; see `FakeJobs`."""

    leave: Leave | None = None
    inputs: list[str] = field(default_factory=list)

    def __call__(self, spec: JobSpec, index: int | None) -> int:
        code = super().__call__(spec, index)
        if "-conversion" in spec.key or self.leave is None:
            return code
        root = Path(spec.script).parent
        (out,) = {path.parent for path in root.rglob("*.tif") if "out" in path.parent.parts}
        for file in sorted(out.iterdir()):
            self.inputs.append(file.stem)
            file.unlink()
            self.leave(out, file.stem)
        (listing,) = root.glob("listing.*")
        listing.write_text("".join(f"{f.stat().st_size} {f.name}\0" for f in sorted(out.iterdir())))
        return code


@dataclass
class Runs:
    """Runs of Alice's on the test server."""

    world: ServerWorld
    lab: Lab
    cluster: FakeWorld
    jobs: OddJobs

    def image(self, name: str, pixels: np.ndarray | None = None, dataset: OmeroRef | None = None) -> OmeroRef:
        found = np.full((1, 1, 1, 64, 64), 7, np.uint8) if pixels is None else pixels
        return self.world.image(name, self.lab.alice, self.lab.group, pixels=found, dataset=dataset)

    def dataset(self, name: str) -> OmeroRef:
        return self.world.container(OmeroKind.DATASET, name, self.lab.alice, self.lab.group)

    def run(
        self,
        *chosen: OmeroRef,
        wishes: OmeroWishes = EVERYTHING,
        leave: Leave | None = None,
        status: RunStatus = RunStatus.DONE,
    ) -> RunId:
        """Ask for a run and drive it to its end."""
        self.jobs.leave = leave
        order = Order(
            workflow=str(THRESHOLD),
            python=sys.executable,
            runtime="process",
            omero=OmeroOrder(user=self.lab.alice.name, chosen=chosen, wishes=wishes),
        )
        services = self.cluster.services
        run_id = accept_order(check_order(order, services), services)
        patience = Patience(first_s=0.01, longest_s=0.02, look_again_s=0.01, retries_while_away=0)
        run = drive_here(run_id, services, self.cluster.cluster(), SilentListener(), patience=patience)
        assert run.status is status, run.failure
        return run_id

    def problems(self, run_id: RunId) -> str:
        return "\n".join(self.cluster.services.record.get(run_id).problems)

    def made(self, run_id: RunId, kind: OmeroKind) -> list[Mapping[str, Any]]:
        """Return what the record says was made."""
        return [one for one in self.cluster.services.record.get(run_id).objects if one["kind"] == kind.value]

    def sees(self, *images: OmeroRef) -> list[Any]:
        """Return what is on images, as an unmodified client sees it."""
        words = [self.world.server.url, self.lab.alice.name, PASSWORD, *(str(image.id) for image in images)]
        done = self.world.server.run(str(_READING), *words)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        return [found[str(image.id)] for image in images]


@pytest.fixture
def runs(world: ServerWorld, lab: Lab, tmp_path: Path) -> Iterator[Runs]:
    jobs = OddJobs()
    services = replace(FakeWorld.make(tmp_path).services, omero=world.omero)
    cluster = FakeWorld(folder=tmp_path, services=services, jobs=jobs)
    yield Runs(world, lab, cluster, jobs)
    cluster.services.record.close()


RANDOM = np.random.default_rng(4)
FLAT, DEEP = (1, 1, 1, 64, 64), (2, 2, 3, 64, 64)
HOLES = np.where(np.eye(64, dtype=bool), np.nan, np.inf).reshape(FLAT)
ODD_IMAGES = {
    "big-endian.tif": RANDOM.integers(0, 60_000, FLAT).astype(">u2"),
    "floating point.tif": RANDOM.random(FLAT).astype(np.float32),
    "no numbers.tif": HOLES.astype(np.float64),
    "five dimensions.tif": RANDOM.integers(-99, 99, DEEP).astype(np.int8),
    "colours.png": RANDOM.integers(0, 255, (1, 3, 1, 64, 64)).astype(np.uint8),
}
ODD_NAMES = (
    "a/b: \u00fc.tif",
    "a/b: \u00fc.tif",
    "..",
    " ",
    "x" * 255,
    "new\nline;$(x)'.tif",
    "\U0001f52c",
    "-rf",
)


def test_odd_images_all_have_their_own_results_and_those_that_cannot_be_read_fail_alone(runs: Runs) -> None:
    dataset = runs.dataset("odd \u00fc/'images")
    good = [runs.image(name, pixels, dataset) for name, pixels in ODD_IMAGES.items()]
    good += [runs.image(name, None, dataset) for name in ODD_NAMES]
    waves = runs.image("waves.tif", np.ones(FLAT, np.complex64), dataset)
    bare = runs.world.image_without_pixels("only a name", runs.lab.alice, runs.lab.group)
    run_id = runs.run(dataset, bare, wishes=OmeroWishes(rois=RoiWish(), label_images=True))
    document = describe_run(runs.cluster.services.record, run_id)
    failures = sorted(image.failure.message for image in document.images if image.failure is not None)
    assert len(failures) == 2, failures
    assert any(f"Image:{waves.id}" in told and "complex" in told for told in failures), failures
    assert any(f"Image:{bare.id}" in told and "has no pixels" in told for told in failures), failures
    assert runs.problems(run_id) == ""
    assert [len(one["rois"]) for one in runs.sees(*good)] == [1] * len(good)
    assert not {waves.id, bare.id} & {row["image"] for row in runs.world.server.rows("Roi")}
    assert len(runs.made(run_id, OmeroKind.IMAGE)) == 2 * len(good)  # ROIs are told by their image


COLUMNS = (
    "a/b,a_b,,\u00fc\u00df,area [\u00b5m\u00b2],_v_x,label,omero_image_of,"
    + "long " * 40
    + "\n1,2,3,4,5,,nan,\u00e9,x\n9223372036854775807,,-1,1e309,true,yes,inf,,y\n"
)


def leave_odd_results(out: Path, stem: str) -> None:
    """Leave what the image's name says."""
    labels = np.zeros((64, 64), np.uint16)
    labels[5:9, 5:9] = 1
    match stem:
        case "empty_files":
            for suffix in ("tif", "csv", "png", "txt"):
                (out / f"{stem}.{suffix}").touch()
        case "other_size":
            tifffile.imwrite(out / f"{stem}.tif", np.pad(labels, ((0, 6), (0, 0))))
        case "no_label":
            tifffile.imwrite(out / f"{stem}.tif", np.zeros((64, 64), np.uint16))
        case "nothing":
            pass
        case "odd_columns":
            (out / f"{stem}.csv").write_text(COLUMNS)
            (out / f"{stem}_ragged.csv").write_text("a,b\n1\n")
        case "no_image":
            (out / f"{stem}.tif").write_bytes(b"II*\0 and no more")
        case _:
            tifffile.imwrite(out / f"{stem}.tif", labels)


def test_odd_results_are_kept_and_told_and_do_not_take_the_others_down(runs: Runs) -> None:
    names = ("empty_files", "other_size", "no_label", "nothing", "odd_columns", "no_image", "good")
    dataset = runs.dataset("cells")
    images = {name: runs.image(f"{name}.tif", None, dataset) for name in names}
    run_id = runs.run(dataset, leave=leave_odd_results)
    told = runs.problems(run_id)
    for name in (
        "empty_files.tif",
        "other_size.tif",
        "empty_files.csv",
        "odd_columns_ragged.csv",
        "no_image.tif",
    ):
        assert name in told, told
    assert "good" not in told
    seen = dict(zip(names, runs.sees(*images.values()), strict=True))
    assert {name: len(one["rois"]) for name, one in seen.items() if one["rois"]} == {"good": 1}
    (table,) = seen["odd_columns"]["tables"]
    assert table["Image"] == [images["odd_columns"].id] * 2
    assert table["label"][1] == float("inf")
    assert not any(one["tables"] for name, one in seen.items() if name != "odd_columns")
    assert {"empty_files.csv", "empty_files.txt"} <= set(seen["empty_files"]["files"])


def test_a_program_that_writes_nothing_is_said_to_and_leaves_nothing_in_omero(runs: Runs) -> None:
    image = runs.image("a.tif")
    run_id = runs.run(image, leave=lambda _out, _stem: None, status=RunStatus.FAILED)
    run = runs.cluster.services.record.get(run_id)
    assert run.failure is not None
    assert "wrote nothing" in run.failure["message"]
    assert run.objects == []
    (seen,) = runs.sees(image)
    assert (seen["rois"], seen["tables"], seen["files"]) == ([], [], [])


def test_results_without_any_label_image_give_no_rois_and_are_attached(runs: Runs) -> None:
    def leave(out: Path, stem: str) -> None:
        (out / f"{stem}.log").write_text("x")

    image = runs.image("a.tif")
    run_id = runs.run(image, leave=leave)
    (seen,) = runs.sees(image)
    assert (seen["rois"], seen["tables"], seen["files"]) == ([], [], ["a.log"])
    assert runs.problems(run_id) == ""


def test_a_plate_with_missing_wells_and_empty_ones_goes_through(runs: Runs) -> None:
    pixels = np.full((1, 1, 1, 64, 64), 7, np.uint8)
    wells = {(7, 11): [pixels], (0, 0): [pixels, pixels], (3, 3): []}
    before = {row["id"] for row in runs.world.server.rows("Image")}
    plate = runs.world.plate("plate", wells, runs.lab.alice, runs.lab.group)
    images = [OmeroRef(OmeroKind.IMAGE, row["id"]) for row in runs.world.server.rows("Image")]
    images = [image for image in images if image.id not in before]
    run_id = runs.run(plate, wishes=OmeroWishes(rois=RoiWish()))
    assert runs.problems(run_id) == ""
    assert [len(seen["rois"]) for seen in runs.sees(*images)] == [1, 1, 1]


def test_what_cannot_be_is_refused_before_anything_starts(runs: Runs) -> None:
    with pytest.raises(InputError, match=r"\(empty\) has no image"):
        runs.run(runs.dataset("empty"))
    world = runs.world
    readers = world.group("readers", GroupAccess.READ_ONLY)
    runs.lab = Lab(runs.lab.group, world.user("anna", runs.lab.group, readers))
    his = world.image("his.tif", world.user("bob", readers), readers)
    with pytest.raises(OmeroPermissionError, match="read-only"):
        runs.run(his)
    with pytest.raises(InputError, match="in several groups"):
        runs.run(his, runs.image("hers.tif"))
    with pytest.raises(OmeroObjectError, match="Image:99999999"):
        runs.run(OmeroRef(OmeroKind.IMAGE, 99999999))
    assert runs.cluster.services.record.ids() == []
