"""A run on images of OMERO is asked for once more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biomero.application.compare_runs import compare_runs
from biomero.application.omero_request import OmeroWishes
from biomero.application.rerun_run import Repetition, check_repetition
from biomero.application.run_request import RunRequest
from biomero.application.submit_run import accept_order
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.errors import (
    ConfigurationError,
    InputError,
    NotRepeatableError,
    OmeroObjectError,
    OmeroPermissionError,
)
from biomero.testing.images import ArrayImage
from services.command import LEVELS
from services.omero_lab import OmeroLab, order_of


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[OmeroLab]:
    made = OmeroLab.make(tmp_path)
    with made.answering():
        yield made
    made.world.services.record.close()


def done(lab: OmeroLab, *chosen: OmeroRef, **more: Any) -> RunId:
    run_id = RunId(lab.engine().order(order_of(*chosen, **more))["id"])
    assert lab.drive(run_id) is RunStatus.DONE
    return run_id


def checked(lab: OmeroLab, run_id: RunId, *, changed_inputs_ok: bool = False) -> Repetition:
    services = lab.world.services
    return check_repetition(run_id, services, changed_inputs_ok=changed_inputs_ok, requested_by="eve")


def image_refs(lab: OmeroLab, run_id: RunId) -> list[OmeroRef]:
    omero = RunRequest.from_json(lab.world.services.record.get(run_id).request).omero
    assert omero is not None
    return [OmeroRef(OmeroKind.IMAGE, image.id) for image in omero.images]


def rois(lab: OmeroLab, run_id: RunId) -> int:
    things = lab.omero.store.of(OmeroKind.ROI).values()
    return sum(thing.key is not None and thing.key.run_id == run_id for thing in things)


@pytest.mark.slow
def test_the_same_is_done_again_and_makes_objects_of_its_own(lab: OmeroLab) -> None:
    first = done(lab, lab.dataset("first", "a.tif", "b.tif"))
    before = RunRequest.from_json(lab.world.services.record.get(first).request)
    lab.omero.image("new.tif", None, owner=lab.ann, group=lab.group, parent=before.omero.chosen[0])  # type: ignore[union-attr] # it is a run on OMERO
    repetition = checked(lab, first)
    request = repetition.order.request
    assert repetition.changes == ()
    assert dataclasses.replace(request, results=before.results, requested_by=before.requested_by) == before
    assert request.results != before.results
    assert request.results.parent == before.results.parent
    second = accept_order(repetition.order, lab.world.services)
    assert lab.drive(second) is RunStatus.DONE
    assert (rois(lab, first), rois(lab, second)) == (2, 2)
    record, images = lab.world.services.record, lab.world.services.images
    compared = compare_runs(first, second, record=record, images=images)
    assert compared.changed_inputs == ()
    assert compared.has_same_outputs
    assert not request.results.exists()
    assert list((lab.world.services.settings.state_folder).glob("rerun-*")) == []


@pytest.mark.slow
def test_all_images_that_are_not_what_they_were_are_named(lab: OmeroLab) -> None:
    names = ["gone.tif", "moved.tif", "named.tif", "other_pixels.tif", "no_pixels.tif", "same.tif"]
    run_id = done(lab, lab.dataset("first", *names))
    refs = dict(zip(sorted(names), image_refs(lab, run_id), strict=True))
    store = lab.omero.store
    other = lab.omero.group("other", GroupAccess.READ_ANNOTATE)
    store.members.add((lab.ann.id, other.id))
    del store.things[refs["gone.tif"]]
    moved, named = store.things[refs["moved.tif"]], store.things[refs["named.tif"]]
    store.things[refs["moved.tif"]] = replace(moved, group=other.id)
    store.things[refs["named.tif"]] = replace(named, name="called anew.tif")
    pixels = ArrayImage(np.ones((64, 64), np.uint8), name="other_pixels.tif")
    store.things[refs["other_pixels.tif"]] = replace(store.things[refs["other_pixels.tif"]], pixels=pixels)
    store.things[refs["no_pixels.tif"]] = replace(store.things[refs["no_pixels.tif"]], pixels=None)
    with pytest.raises(NotRepeatableError) as refused:
        checked(lab, run_id)
    for sentence in (
        "(gone.tif) is gone, or ann may not see it",
        "(moved.tif) was moved to the group other",
        "(named.tif) is called called anew.tif now",
        "(other_pixels.tif) has changed: its pixels",
        "(no_pixels.tif) cannot be read any more",
    ):
        assert sentence in str(refused.value)
    assert "same.tif" not in str(refused.value)
    repetition = checked(lab, run_id, changed_inputs_ok=True)
    assert len(repetition.changes) == 5
    request = repetition.order.request
    assert request.omero is not None
    kept = [refs[name].id for name in sorted(names) if name not in {"gone.tif", "moved.tif"}]
    assert [image.id for image in request.omero.images] == kept
    assert [(i.index, i.name) for i in request.images] == list(
        enumerate(["named", "no_pixels", "other_pixels", "same"])
    )
    again = accept_order(repetition.order, lab.world.services)
    assert lab.drive(again) is RunStatus.DONE
    assert rois(lab, again) == 3


@pytest.mark.slow
def test_a_name_alone_makes_no_other_pixels(lab: OmeroLab) -> None:
    run_id = done(lab, lab.dataset("first", "a.tif"))
    (ref,) = image_refs(lab, run_id)
    pixels = ArrayImage(np.zeros((64, 64), np.uint8), name="b.tif")
    lab.omero.store.things[ref] = replace(lab.omero.store.things[ref], name="b.tif", pixels=pixels)
    changes = checked(lab, run_id, changed_inputs_ok=True).changes
    assert changes == (f"Image:{ref.id} (a.tif) is called b.tif now",)


def test_images_that_were_moved_together_are_taken_where_they_are(lab: OmeroLab) -> None:
    run_id = done(lab, lab.dataset("first", "a.tif", "b.tif"))
    other = lab.omero.group("other", GroupAccess.READ_ANNOTATE)
    lab.omero.store.members.add((lab.ann.id, other.id))
    for ref in image_refs(lab, run_id):
        lab.omero.store.things[ref] = replace(lab.omero.store.things[ref], group=other.id)
    repetition = checked(lab, run_id, changed_inputs_ok=True)
    assert repetition.order.request.omero is not None
    assert repetition.order.request.omero.group_name == "other"
    assert len(repetition.changes) == len(repetition.order.request.images) == 2


def test_nothing_is_repeated_without_any_image(lab: OmeroLab) -> None:
    run_id = done(lab, lab.dataset("first", "a.tif"))
    del lab.omero.store.things[image_refs(lab, run_id)[0]]
    with pytest.raises(InputError, match=r"none of the run's images .*a\.tif\) is gone"):
        checked(lab, run_id, changed_inputs_ok=True)


def test_what_the_user_may_not_do_any_more_is_refused_before_anything_starts(lab: OmeroLab) -> None:
    bob = lab.omero.user("bob", lab.group)
    pixels = ArrayImage(np.zeros((64, 64), np.uint8), name="his.tif")
    image = OmeroRef(OmeroKind.IMAGE, lab.omero.image("his.tif", pixels, owner=bob, group=lab.group))
    run_id = done(lab, image)
    lab.omero.store.groups[lab.group.id] = replace(lab.group, access=GroupAccess.READ_ONLY)
    with pytest.raises(OmeroPermissionError, match="read-only"):
        checked(lab, run_id)
    lab.omero.store.groups[lab.group.id] = replace(lab.group, access=GroupAccess.PRIVATE)
    with pytest.raises(InputError, match="is gone, or ann may not see it"):
        checked(lab, run_id)


def test_a_name_that_was_given_to_somebody_else_repeats_nothing(lab: OmeroLab) -> None:
    run_id = done(lab, lab.dataset("first", "a.tif"))
    lab.omero.store.users["ann"] = replace(lab.ann, id=4711)
    with pytest.raises(NotRepeatableError, match="another user"):
        checked(lab, run_id, changed_inputs_ok=True)


def test_another_omero_repeats_nothing(lab: OmeroLab) -> None:
    run_id = done(lab, lab.dataset("first", "a.tif"))
    lab.omero.address = "elsewhere:4064"
    with pytest.raises(ConfigurationError, match="elsewhere"):
        checked(lab, run_id)


def test_a_dataset_for_results_that_is_gone_is_told(lab: OmeroLab) -> None:
    target = lab.dataset("results")
    wishes = {"label_images": True, "dataset_id": target.id}
    run_id = done(lab, lab.dataset("first", "a.tif"), wishes=wishes)
    del lab.omero.store.things[target]
    with pytest.raises(OmeroObjectError, match=str(target)):
        checked(lab, run_id)


def test_wishes_are_the_same(lab: OmeroLab) -> None:
    wishes = {"label_images": True, "dataset_name": "mine", "rois": {"name_prefix": "n"}}
    run_id = done(lab, lab.dataset("first", "a.tif"), wishes=wishes)
    request = checked(lab, run_id).order.request
    assert request.omero is not None
    found = request.omero.wishes
    assert (found.dataset_name, found.rois is not None and found.rois.name_prefix) == ("mine", "n")
    assert isinstance(found, OmeroWishes)


def test_attached_files_are_looked_at_again(tmp_path: Path) -> None:
    lab = OmeroLab.make(tmp_path, levels=str(LEVELS))
    level = lab.omero.file("a.csv", b"100", owner=lab.ann, group=lab.group)
    with lab.answering():
        order = order_of(lab.dataset("first", "a.tif"), workflow="levels", files={"level": [level]})
        run_id = RunId(lab.engine().order({**order, "parameters": {}})["id"])
        assert lab.drive(run_id) is RunStatus.DONE
    assert checked(lab, run_id).changes == ()
    ref = next(r for r in lab.omero.store.of(OmeroKind.FILE) if r.id == level)
    lab.omero.store.things[ref].content = b"other"
    with pytest.raises(NotRepeatableError, match=rf"FileAnnotation:{level} .*has changed"):
        checked(lab, run_id)
    again = checked(lab, run_id, changed_inputs_ok=True).order.request.omero
    assert again is not None
    assert [one.file.size for one in again.files["level"]] == [len(b"other")]
    del lab.omero.store.things[ref]
    with pytest.raises(NotRepeatableError, match="cannot be attached again"):
        checked(lab, run_id, changed_inputs_ok=True)
    lab.world.services.record.close()
