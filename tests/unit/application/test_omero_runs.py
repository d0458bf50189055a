"""Runs whose images are in OMERO, and whose results go there."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from biomero.application.choose_omero_images import OmeroOrder
from biomero.application.drive_here import drive_here
from biomero.application.engine.context import StepContext
from biomero.application.engine.import_results import import_results
from biomero.application.engine.patience import Patience
from biomero.application.engine.prepare import open_run
from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.application.ports.omero import TableColumn
from biomero.application.ports.progress import SilentListener
from biomero.application.retry_run import Retry, retry_run
from biomero.application.run_request import RunRequest
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroKind, OmeroRef, OmeroUser
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.errors import (
    ConfigurationError,
    InputError,
    OmeroObjectError,
    OmeroPermissionError,
    RunPausedError,
)
from biomero.testing.images import ArrayImage
from biomero.testing.omero import FakeOmero
from services.command import THRESHOLD
from services.fake_world import FakeWorld

EVERYTHING = OmeroWishes(
    label_images=True, images=True, rois=RoiWish(), tables=True, files=True, overlays=True
)


class NoTables:
    """Takes everything for a table with one column."""

    def read(self, path: Path) -> Sequence[TableColumn]:
        return [TableColumn(name="a", kind="string", values=path.read_text().split())]


@dataclass
class Lab:
    """A cluster of fakes, and a user with images in an OMERO in memory."""

    world: FakeWorld
    omero: FakeOmero
    group: OmeroGroup
    user: OmeroUser

    def dataset(self, name: str, *images: str) -> OmeroRef:
        dataset = self.omero.container(OmeroKind.DATASET, name, owner=self.user, group=self.group)
        for image in images:
            self.image(image, dataset)
        return dataset

    def image(self, name: str, dataset: OmeroRef | None = None) -> int:
        pixels = ArrayImage(np.zeros((64, 64), np.uint8), name=name)
        return self.omero.image(name, pixels, owner=self.user, group=self.group, parent=dataset)

    def order(
        self,
        *chosen: OmeroRef,
        wishes: OmeroWishes = EVERYTHING,
        results: Path | None = None,
        keep: bool = False,
    ) -> RunId:
        order = Order(
            workflow=str(THRESHOLD),
            results=results,
            python=sys.executable,
            runtime="process",
            keep=keep,
            omero=OmeroOrder(user=self.user.name, chosen=chosen, wishes=wishes),
        )
        return accept_order(check_order(order, self.world.services), self.world.services)

    def drive(self, run_id: RunId) -> RunStatus:
        patience = Patience(first_s=0.01, longest_s=0.02, look_again_s=0.01, retries_while_away=0)
        run = drive_here(
            run_id, self.world.services, self.world.cluster(), SilentListener(), patience=patience
        )
        return run.status

    def context(self, run_id: RunId) -> StepContext:
        """Return what a step of a run has to work with."""
        services = self.world.services
        return open_run(
            run_id,
            services,
            self.world.cluster(),
            find_root=lambda: "",
            store=lambda decide: services.record.change(run_id, decide),
        )

    def made(self, kind: OmeroKind, run_id: RunId) -> list[OmeroRef]:
        """Return everything of a kind that a run has made."""
        things = self.omero.store.of(kind).items()
        return [ref for ref, thing in things if thing.key is not None and thing.key.run_id == run_id]


def lab_with(folder: Path, access: GroupAccess) -> Lab:
    world, omero = FakeWorld.make(folder), FakeOmero()
    group = omero.group("lab", access)
    user = omero.user("ann", group)
    world.services = replace(world.services, omero=omero, tables=NoTables())
    return Lab(world=world, omero=omero, group=group, user=user)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = lab_with(tmp_path, GroupAccess.READ_ANNOTATE)
    yield made
    made.world.services.record.close()


def test_labels_and_rois_come_to_the_images_that_they_are_of_though_names_are_alike(lab: Lab) -> None:
    first = lab.dataset("first", "cell 1.tif", "cell 1.tif", "cell 11.tif")
    second = lab.dataset("second", "CELL 1.tif")
    run_id = lab.order(first, second)
    assert lab.drive(run_id) is RunStatus.DONE
    sources = [ref for ref, thing in lab.omero.store.of(OmeroKind.IMAGE).items() if thing.key is None]
    rois = [lab.omero.store.things[ref] for ref in lab.made(OmeroKind.ROI, run_id)]
    assert Counter(target for roi in rois for target in roi.targets) == Counter(sources)
    for ref in lab.made(OmeroKind.IMAGE, run_id):
        made = lab.omero.store.things[ref]
        source = next(s for s in sources if f"(Image:{s.id})" in made.description)
        assert made.name.startswith(f"{lab.omero.store.things[source].name} [")
        assert made.parent in lab.made(OmeroKind.DATASET, run_id)
    assert len(lab.made(OmeroKind.IMAGE, run_id)) == 4


def test_what_was_made_says_where_it_comes_from_and_the_record_says_what_was_made(lab: Lab) -> None:
    dataset = lab.dataset("first", "a.tif")
    run_id = lab.order(dataset)
    lab.drive(run_id)
    maps = [lab.omero.store.things[ref] for ref in lab.made(OmeroKind.MAP, run_id)]
    pairs = {pair for thing in maps for pair in thing.content}
    assert {("Workflow_ID", run_id), ("Input_Data", str(dataset))} <= pairs
    assert {thing.name for thing in maps} >= {"biomero/workflow"}
    run = lab.world.services.record.get(run_id)
    assert {made["kind"] for made in run.objects} >= {"Dataset", "Image"}
    assert set(run.stages.values()) == {ImageStage.DELIVERED}
    assert (run.user, run.group) == (lab.user.id, lab.group.id)


def test_importing_again_makes_nothing_anew(lab: Lab, tmp_path: Path) -> None:
    run_id = lab.order(lab.dataset("first", "a.tif", "b.tif"), results=tmp_path / "results")
    lab.drive(run_id)
    before = dict(lab.omero.store.things)
    import_results(lab.context(run_id))
    assert lab.omero.store.things == before


@pytest.mark.slow
def test_an_omero_that_goes_away_pauses_the_run_and_nothing_is_lost(lab: Lab) -> None:
    run_id = lab.order(lab.dataset("first", "a.tif"))
    lab.omero.is_up = False
    with pytest.raises(RunPausedError, match="does not answer"):
        lab.drive(run_id)
    lab.omero.is_up = True
    assert lab.drive(run_id) is RunStatus.DONE
    assert len(lab.made(OmeroKind.ROI, run_id)) == 1


def test_an_image_that_is_gone_when_it_is_wanted_does_not_take_the_others_down(lab: Lab) -> None:
    dataset = lab.dataset("first", "a.tif", "b.tif")
    gone = OmeroRef(OmeroKind.IMAGE, lab.image("c.tif", dataset))
    run_id = lab.order(dataset)
    del lab.omero.store.things[gone]
    assert lab.drive(run_id) is RunStatus.DONE
    run = lab.world.services.record.get(run_id)
    assert [f["failure_class"] for f in run.image_failures.values()] == ["omero"]
    assert len(lab.made(OmeroKind.ROI, run_id)) == 2


def test_an_image_without_pixels_fails_alone(lab: Lab) -> None:
    dataset = lab.dataset("first", "a.tif")
    lab.omero.image("empty", None, owner=lab.user, group=lab.group, parent=dataset)
    run_id = lab.order(dataset)
    assert lab.drive(run_id) is RunStatus.DONE
    failures = lab.world.services.record.get(run_id).image_failures
    assert ["no pixels" in f["message"] for f in failures.values()] == [True]


def test_existing_rois_go_only_if_that_was_wished_and_only_those_of_the_name(lab: Lab) -> None:
    image = OmeroRef(OmeroKind.IMAGE, lab.image("a.tif"))
    first = lab.order(image, wishes=OmeroWishes(rois=RoiWish(name_prefix="old")))
    lab.drive(first)
    second = lab.order(image, wishes=OmeroWishes(rois=RoiWish(name_prefix="new", clear="OLD")))
    lab.drive(second)
    assert not lab.made(OmeroKind.ROI, first)
    assert len(lab.made(OmeroKind.ROI, second)) == 1


def test_results_that_are_in_omero_leave_nothing_on_this_machine(lab: Lab) -> None:
    run_id = lab.order(lab.dataset("first", "a.tif"))
    assert lab.drive(run_id) is RunStatus.DONE
    folder = lab.world.services.settings.state_folder / "results"
    assert not list(folder.iterdir())


def test_results_may_go_to_a_folder_only(lab: Lab, tmp_path: Path) -> None:
    run_id = lab.order(lab.dataset("first", "a.tif"), wishes=OmeroWishes(), results=tmp_path / "results")
    assert lab.drive(run_id) is RunStatus.DONE
    assert list((tmp_path / "results" / "labels").iterdir())
    assert not [t for t in lab.omero.store.things.values() if t.key is not None]


def test_results_that_belong_nowhere_are_refused(lab: Lab) -> None:
    with pytest.raises(InputError, match="--out"):
        lab.order(lab.dataset("first", "a.tif"), wishes=OmeroWishes())


def test_what_a_group_does_not_allow_is_said_before_anything_starts(tmp_path: Path) -> None:
    lab = lab_with(tmp_path, GroupAccess.READ_ONLY)
    other = lab.omero.user("bob", lab.group)
    pixels = ArrayImage(np.zeros((64, 64), np.uint8))
    image = lab.omero.image("his.tif", pixels, owner=other, group=lab.group)
    with pytest.raises(OmeroPermissionError, match=r"his\.tif.*read-only.*--out"):
        lab.order(OmeroRef(OmeroKind.IMAGE, image))
    lab.world.services.record.close()


def test_what_nobody_may_see_and_mixed_groups_are_refused(lab: Lab) -> None:
    elsewhere = lab.omero.group("elsewhere", GroupAccess.PRIVATE)
    other = lab.omero.user("bob", elsewhere)
    hidden = lab.omero.image("his.tif", None, owner=other, group=elsewhere)
    with pytest.raises(OmeroObjectError, match=f"Image:{hidden}"):
        lab.order(OmeroRef(OmeroKind.IMAGE, hidden))
    lab.omero.store.members.add((lab.user.id, elsewhere.id))
    mine = lab.omero.image("mine.tif", None, owner=lab.user, group=elsewhere)
    with pytest.raises(InputError, match="several groups"):
        lab.order(OmeroRef(OmeroKind.IMAGE, mine), lab.dataset("first", "a.tif"))


def test_an_empty_dataset_has_nothing_to_run_on(lab: Lab) -> None:
    with pytest.raises(InputError, match=r"empty\) has no image"):
        lab.order(lab.dataset("empty"))


def test_a_machine_without_omero_says_what_it_lacks(lab: Lab) -> None:
    lab.world.services = replace(lab.world.services, omero=None)
    with pytest.raises(ConfigurationError, match=r"\[OMERO\]"):
        lab.order(OmeroRef(OmeroKind.IMAGE, 1))


def test_a_request_comes_back_from_the_record_as_it_was(lab: Lab) -> None:
    plate = lab.omero.container(OmeroKind.PLATE, "plate", owner=lab.user, group=lab.group)
    well = lab.omero.well(plate, 2, 3)
    lab.image("f1.tif", well)
    run_id = lab.order(plate)
    request = RunRequest.from_json(lab.world.services.record.get(run_id).request)
    assert RunRequest.from_json(request.to_json()) == request
    assert request.omero is not None
    place = request.omero.images[0].place
    assert place is not None
    assert (place.plate_id, place.row, place.column, place.field) == (plate.id, 2, 3, 0)


def test_an_image_that_is_tried_again_gets_its_results_and_no_other_gets_them_twice(lab: Lab) -> None:
    dataset = lab.dataset("first", "a.tif")
    late = lab.omero.image("late.tif", None, owner=lab.user, group=lab.group, parent=dataset)
    run_id = lab.order(dataset)
    assert lab.drive(run_id) is RunStatus.DONE
    before = set(lab.omero.store.things)
    whole = ArrayImage(np.zeros((64, 64), np.uint8))
    lab.omero.store.things[OmeroRef(OmeroKind.IMAGE, late)].pixels = whole
    retry_run(run_id, lab.world.services, Retry.FAILED_IMAGES, requested_by="ann")
    assert lab.drive(run_id) is RunStatus.DONE
    assert before <= set(lab.omero.store.things)
    rois = [lab.omero.store.things[ref].targets[0].id for ref in lab.made(OmeroKind.ROI, run_id)]
    assert len(rois) == len(set(rois)) == 2
    assert len(lab.made(OmeroKind.IMAGE, run_id)) == 2
    assert len(lab.made(OmeroKind.DATASET, run_id)) == 1
    described = Counter(
        target
        for ref in lab.made(OmeroKind.MAP, run_id)
        for target in lab.omero.store.things[ref].targets
        if lab.omero.store.things[ref].name == "biomero/workflow"
    )
    assert described[OmeroRef(OmeroKind.IMAGE, late)] == 1
    # the dataset has results of both rounds
    assert {t.kind for t, times in described.items() if times > 1} == {OmeroKind.DATASET}
    told = lab.world.services.record.get(run_id).objects
    assert len({(made["output"], made["id"]) for made in told if made["kind"] == "Image"}) == 4
    assert len([made for made in told if made["kind"] == "Dataset"]) == 1


def test_what_could_not_be_made_is_told_also_where_nothing_was_made(lab: Lab) -> None:
    small = ArrayImage(np.zeros((32, 32), np.uint8))
    image = lab.omero.image("small.tif", small, owner=lab.user, group=lab.group)
    run_id = lab.order(OmeroRef(OmeroKind.IMAGE, image), wishes=OmeroWishes(rois=RoiWish()))
    assert lab.drive(run_id) is RunStatus.DONE
    run = lab.world.services.record.get(run_id)
    assert run.objects == []
    assert any("gave no ROIs" in problem for problem in run.problems)


def test_a_name_that_was_given_to_somebody_else_reads_and_makes_nothing(lab: Lab) -> None:
    run_id = lab.order(lab.dataset("first", "a.tif"))
    lab.omero.user("ann", lab.group)  # of another id
    with pytest.raises(RunPausedError, match="ann is another user"):
        lab.drive(run_id)
    assert not [thing for thing in lab.omero.store.things.values() if thing.key is not None]
    assert lab.world.services.record.get(run_id).image_hashes == {}


def test_results_are_not_made_as_somebody_else_who_has_the_name_by_now(lab: Lab) -> None:
    run_id = lab.order(lab.dataset("first", "a.tif"), results=lab.world.folder / "out")
    assert lab.drive(run_id) is RunStatus.DONE
    before = len(lab.omero.store.things)
    lab.omero.user("ann", lab.group)
    with pytest.raises(OmeroPermissionError, match="ann is another user"):
        import_results(lab.context(run_id))
    assert len(lab.omero.store.things) == before
