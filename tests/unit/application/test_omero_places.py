"""Where results shall go in OMERO is looked at before a run starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biomero.application.omero_request import OmeroRequest, OmeroWishes, RoiWish
from biomero.application.run_request import RunRequest
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.errors import InputError, OmeroObjectError, OmeroPermissionError
from biomero.testing.images import ArrayImage
from unit.application.test_omero_runs import Lab, lab_with

LABELS = OmeroWishes(label_images=True)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = lab_with(tmp_path, GroupAccess.READ_ANNOTATE)
    yield made
    made.world.services.record.close()


def plate_in(lab: Lab, name: str = "plate") -> OmeroRef:
    plate = lab.omero.container(OmeroKind.PLATE, name, owner=lab.user, group=lab.group)
    for column in (3, 1):
        lab.image(f"{name} {column}.tif", lab.omero.well(plate, 2, column))
    return plate


def labels_with(**more: Any) -> OmeroWishes:
    return OmeroWishes(label_images=True, **more)


def settled(lab: Lab, run_id: RunId) -> OmeroWishes:
    request = RunRequest.from_json(lab.world.services.record.get(run_id).request)
    assert request.omero is not None
    return request.omero.wishes


def test_a_run_on_a_plate_makes_a_plate_that_says_where_it_comes_from(lab: Lab) -> None:
    plate = plate_in(lab)
    wishes = OmeroWishes(label_images=True, screen_name="results", rois=RoiWish())
    run_id = lab.order(plate, wishes=wishes)
    assert lab.drive(run_id) is RunStatus.DONE
    things = lab.omero.store.things
    (screen,), (made,) = lab.made(OmeroKind.SCREEN, run_id), lab.made(OmeroKind.PLATE, run_id)
    assert (things[screen].name, things[made].parent, things[made].name) == (
        "results",
        screen,
        "plate [Threshold]",
    )
    wells = [ref for ref, thing in lab.omero.store.of(OmeroKind.WELL).items() if thing.parent == made]
    assert sorted(things[ref].place or () for ref in wells) == [(2, 1), (2, 3)]
    images = lab.made(OmeroKind.IMAGE, run_id)
    assert sorted(things[image].parent or plate for image in images) == sorted(wells)
    described = {
        target
        for ref in lab.made(OmeroKind.MAP, run_id)
        for target in things[ref].targets
        if things[ref].name == "biomero/workflow"
    }
    assert {screen, made, *images} <= described
    assert not lab.made(OmeroKind.DATASET, run_id)
    kinds = {one["kind"] for one in lab.world.services.record.get(run_id).objects}
    assert kinds == {"Screen", "Plate", "Image"}


def test_a_screen_without_any_plate_is_refused(lab: Lab) -> None:
    dataset = lab.dataset("first", "a.tif")
    for more in ({"screen_name": "results"}, {"screen_id": 987654}):
        with pytest.raises(InputError, match="no image that was chosen is on a plate"):
            lab.order(dataset, wishes=labels_with(**more))
    # nothing would go there
    lab.order(dataset, wishes=OmeroWishes(tables=True, screen_name="results"))


@pytest.mark.parametrize("kind", [OmeroKind.DATASET, OmeroKind.SCREEN])
def test_what_takes_no_images_is_refused_before_the_run_starts(lab: Lab, kind: OmeroKind) -> None:
    plate = plate_in(lab)
    bob = lab.omero.user("bob", lab.group)
    other_group = lab.omero.group("other")
    lab.omero.store.members.add((lab.user.id, other_group.id))
    bobs = lab.omero.container(kind, "bobs", owner=bob, group=lab.group)
    elsewhere = lab.omero.container(kind, "elsewhere", owner=lab.user, group=other_group)
    field = f"{kind.value.lower()}_id"
    for ref, error, said in (
        (OmeroRef(kind, 987654), OmeroObjectError, f"no {kind.value}:987654"),
        (bobs, OmeroPermissionError, f"may not .*{bobs}"),
        (elsewhere, OmeroPermissionError, f"{elsewhere} is in another group"),
    ):
        with pytest.raises(error, match=said):
            lab.order(plate, wishes=labels_with(**{field: ref.id}))


@pytest.mark.parametrize("at", ["archive_at", "tables_at", "files_at"])
def test_what_takes_no_attachments_is_refused_before_the_run_starts(lab: Lab, at: str) -> None:
    dataset = lab.dataset("first", "a.tif")
    other_group = lab.omero.group("other")
    lab.omero.store.members.add((lab.user.id, other_group.id))
    elsewhere = lab.omero.container(OmeroKind.PROJECT, "elsewhere", owner=lab.user, group=other_group)

    def wishes(ref: object) -> OmeroWishes:
        more: dict[str, Any] = {at: (f"{ref}",)}
        return OmeroWishes(archive=True, tables=True, files=True, **more)

    with pytest.raises(OmeroObjectError, match="no Project:987654"):
        lab.order(dataset, wishes=wishes("Project:987654"))
    with pytest.raises(OmeroPermissionError, match=f"{elsewhere} is in another group"):
        lab.order(dataset, wishes=wishes(elsewhere))
    bob = lab.omero.user("bob", lab.group)
    bobs = lab.omero.container(OmeroKind.PROJECT, "bobs", owner=bob, group=lab.group)
    lab.order(dataset, wishes=wishes(bobs))
    lab.omero.store.groups[lab.group.id] = replace(lab.group, access=GroupAccess.READ_ONLY)
    with pytest.raises(OmeroPermissionError, match=f"may not annotate {bobs}"):
        lab.order(dataset, wishes=wishes(bobs))


@pytest.mark.parametrize("kind", [OmeroKind.DATASET, OmeroKind.SCREEN])
def test_a_name_that_shall_be_used_again_is_one_container(lab: Lab, kind: OmeroKind) -> None:
    plate = plate_in(lab)
    field = kind.value.lower()
    wishes = labels_with(reuse_named=True, **{f"{field}_name": "results"})
    bob = lab.omero.user("bob", lab.group)
    lab.omero.container(kind, "results", owner=bob, group=lab.group)
    lab.omero.container(kind, "Results", owner=lab.user, group=lab.group)
    assert getattr(settled(lab, lab.order(plate, wishes=wishes)), f"{field}_id") is None
    mine = lab.omero.container(kind, "results", owner=lab.user, group=lab.group)
    assert getattr(settled(lab, lab.order(plate, wishes=wishes)), f"{field}_id") == mine.id
    always_new = labels_with(**{f"{field}_name": "results"})
    assert getattr(settled(lab, lab.order(plate, wishes=always_new)), f"{field}_id") is None
    second = lab.omero.container(kind, "results", owner=lab.user, group=lab.group)
    with pytest.raises(InputError, match=f"{mine}, {second}.*{kind.value}_ID"):
        lab.order(plate, wishes=wishes)


@pytest.mark.slow
def test_two_runs_that_were_asked_for_at_once_share_a_dataset_of_one_name(lab: Lab) -> None:
    dataset = lab.dataset("first", "a.tif")
    wishes = OmeroWishes(label_images=True, dataset_name="results", reuse_named=True)
    runs = [lab.order(dataset, wishes=wishes) for _ in range(2)]
    for run_id in runs:
        assert lab.drive(run_id) is RunStatus.DONE
    assert [len(lab.made(OmeroKind.DATASET, run_id)) for run_id in runs] == [1, 0]
    parents = {lab.omero.store.things[lab.made(OmeroKind.IMAGE, run_id)[0]].parent for run_id in runs}
    assert parents == {*lab.made(OmeroKind.DATASET, runs[0])}


def test_the_dataset_of_a_run_is_in_the_project_of_its_images(lab: Lab) -> None:
    project = lab.omero.container(OmeroKind.PROJECT, "project", owner=lab.user, group=lab.group)
    dataset = lab.omero.container(OmeroKind.DATASET, "d", owner=lab.user, group=lab.group, parent=project)
    pixels = ArrayImage(np.zeros((64, 64), np.uint8))
    lab.omero.image("a.tif", pixels, owner=lab.user, group=lab.group, parent=dataset)
    run_id = lab.order(project, wishes=LABELS)
    assert lab.drive(run_id) is RunStatus.DONE
    (made,) = lab.made(OmeroKind.DATASET, run_id)
    assert lab.omero.store.things[made].parent == project
    assert not lab.world.services.record.get(run_id).problems


def test_wishes_of_releases_that_knew_no_screens_are_read(lab: Lab) -> None:
    run_id = lab.order(lab.dataset("first", "a.tif"), wishes=LABELS)
    request = RunRequest.from_json(lab.world.services.record.get(run_id).request)
    assert request.omero is not None
    old = request.omero.to_json()
    for name in ("screen_id", "screen_name", "reuse_named"):
        del old["wishes"][name]
    assert OmeroRequest.from_json(old) == request.omero
