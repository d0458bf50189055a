"""Results of a run that has ended, put into OMERO once more: beside what is there, and each object once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biomero.application.describe_run import describe_run
from biomero.application.engine.import_results import import_results
from biomero.application.errand import Goal
from biomero.application.errand_runs import errands_of
from biomero.application.import_again import check_import, import_again
from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.application.pause_run import resume_run
from biomero.application.ports.run_queue import QueueState, Wish
from biomero.application.retry_run import Retry, retry_run
from biomero.application.run_request import RunRequest
from biomero.application.tell_run import tell_run
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.errors import (
    OmeroObjectError,
    OmeroPermissionError,
    OmeroUnavailableError,
    RunPausedError,
    UsageError,
)
from biomero.testing.images import ArrayImage
from biomero.testing.omero_store import Thing
from unit.application.test_crash_walk import EVERY, Computer
from unit.application.test_omero_faults import BreakingOmero
from unit.application.test_omero_runs import EVERYTHING, Lab, lab_with

ROIS = OmeroWishes(rois=RoiWish())


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = lab_with(tmp_path, GroupAccess.READ_ANNOTATE)
    yield made
    made.world.services.record.close()


def ended(lab: Lab, *images: str, wishes: OmeroWishes = ROIS, keep: bool = True) -> RunId:
    """Return a run that has ended and has kept its files on the cluster, if that was wished."""
    run_id = lab.order(lab.dataset("cells", *(images or ("a.tif", "b.tif"))), wishes=wishes, keep=keep)
    assert lab.drive(run_id) is RunStatus.DONE
    return run_id


def wish(lab: Lab, earlier: RunId, wishes: OmeroWishes, *, key: str = "", makes_anew: bool = False) -> RunId:
    services = lab.world.services
    run_id, _ = import_again(
        services.record.get(earlier), wishes, services, key=key, requested_by="ann", makes_anew=makes_anew
    )
    return run_id


def test_results_that_are_on_the_cluster_still_come_to_omero_with_other_wishes(lab: Lab) -> None:
    earlier = ended(lab)
    again = wish(lab, earlier, OmeroWishes(label_images=True, dataset_name="later"))
    assert lab.drive(again) is RunStatus.DONE
    datasets = [lab.omero.store.things[ref].name for ref in lab.made(OmeroKind.DATASET, earlier)]
    assert datasets == ["later"]
    assert len(lab.made(OmeroKind.IMAGE, earlier)) == 2
    assert len(lab.made(OmeroKind.ROI, earlier)) == 2
    assert not lab.made(OmeroKind.IMAGE, again)
    services = lab.world.services
    told = tell_run(describe_run(services.record, again))
    assert "Import of Threshold is done" in told
    assert "Dataset:" in told
    assert (Path(services.settings.state_folder.parent) / "data" / "runs" / earlier).is_dir()
    assert not list((services.settings.state_folder / "results").iterdir())
    keys = {spec.key for spec in lab.world.scheduler.submissions}
    assert not [key for key in keys if again in key]


def test_the_same_wishes_again_add_nothing_and_neither_does_the_same_request(lab: Lab) -> None:
    earlier = ended(lab, wishes=replace(EVERYTHING, archive=True))
    first = wish(lab, earlier, replace(EVERYTHING, archive=True), key="one")
    lab.drive(first)
    assert wish(lab, earlier, EVERYTHING, key="one") == first
    before = dict(lab.omero.store.things)
    wishes = OmeroWishes(images=True, label_images=True, dataset_name="x", archive=True)
    for _ in range(2):
        lab.drive(wish(lab, earlier, replace(EVERYTHING, archive=True)))
        assert lab.omero.store.things == before
    lab.drive(wish(lab, earlier, wishes))
    before = dict(lab.omero.store.things)
    lab.drive(wish(lab, earlier, wishes))
    assert lab.omero.store.things == before


def test_what_is_made_later_says_where_it_comes_from_and_nothing_says_it_twice(lab: Lab) -> None:
    earlier = ended(lab)
    lab.drive(wish(lab, earlier, OmeroWishes(rois=RoiWish(), label_images=True, dataset_name="later")))
    told = Counter(
        target
        for ref in lab.made(OmeroKind.MAP, earlier)
        for target in lab.omero.store.things[ref].targets
        if lab.omero.store.things[ref].name == "biomero/workflow"
    )
    made = [*lab.made(OmeroKind.DATASET, earlier), *lab.made(OmeroKind.IMAGE, earlier)]
    assert set(told) >= set(made)
    assert set(told.values()) == {1}


def test_another_dataset_of_the_same_name_is_made_only_if_that_is_wished(lab: Lab) -> None:
    wishes = OmeroWishes(label_images=True, dataset_name="mine")
    earlier = ended(lab, wishes=wishes)
    lab.drive(wish(lab, earlier, wishes))
    assert len(lab.made(OmeroKind.DATASET, earlier)) == 1
    again = wish(lab, earlier, wishes, makes_anew=True)
    lab.drive(again)
    assert len(lab.made(OmeroKind.DATASET, earlier)) == 2
    assert len(lab.made(OmeroKind.IMAGE, earlier)) == 4
    own = lab.made(OmeroKind.DATASET, earlier)[0]
    lab.drive(wish(lab, earlier, OmeroWishes(label_images=True, dataset_id=own.id)))
    assert len(lab.made(OmeroKind.IMAGE, earlier)) == 4


def test_a_dataset_that_an_import_has_made_is_used_again_by_its_name_and_by_its_id(lab: Lab) -> None:
    earlier = ended(lab)
    wishes = OmeroWishes(label_images=True, dataset_name="later", reuse_named=True)
    lab.drive(wish(lab, earlier, wishes))
    (made,) = lab.made(OmeroKind.DATASET, earlier)
    before = dict(lab.omero.store.things)
    lab.drive(wish(lab, earlier, wishes))
    lab.drive(wish(lab, earlier, OmeroWishes(label_images=True, dataset_id=made.id)))
    assert lab.omero.store.things == before


def test_results_of_plates_come_onto_plates_once(lab: Lab) -> None:
    plate = lab.omero.container(OmeroKind.PLATE, "plate", owner=lab.user, group=lab.group)
    lab.image("f1.tif", lab.omero.well(plate, 1, 2))
    earlier = lab.order(plate, wishes=ROIS, keep=True)
    lab.drive(earlier)
    wishes = OmeroWishes(label_images=True, screen_name="later")
    lab.drive(wish(lab, earlier, wishes))
    before = dict(lab.omero.store.things)
    kinds = (OmeroKind.SCREEN, OmeroKind.PLATE, OmeroKind.IMAGE)
    assert [len(lab.made(kind, earlier)) for kind in kinds] == [1, 1, 1]
    lab.drive(wish(lab, earlier, wishes))
    assert lab.omero.store.things == before


def test_rois_of_another_shape_come_beside_those_that_are_there(lab: Lab) -> None:
    earlier = ended(lab, "a.tif")
    lab.drive(wish(lab, earlier, OmeroWishes(rois=RoiWish(shape="mask", name_prefix="m"))))
    names = sorted(lab.omero.store.things[ref].name for ref in lab.made(OmeroKind.ROI, earlier))
    assert names == ["Threshold 1", "m 1"]


def test_everything_may_be_attached_to_objects_that_are_named(lab: Lab) -> None:
    earlier = ended(lab)
    project = lab.omero.container(OmeroKind.PROJECT, "p", owner=lab.user, group=lab.group)
    lab.drive(wish(lab, earlier, OmeroWishes(archive=True, archive_at=(str(project),))))
    (file,) = lab.made(OmeroKind.FILE, earlier)
    assert lab.omero.store.things[file].targets == [project]
    with pytest.raises(OmeroObjectError, match="Dataset:98765"):
        wish(lab, earlier, OmeroWishes(tables=True, tables_at=("Dataset:98765",)))


def test_it_is_told_before_if_nothing_may_be_attached_to_what_was_named(lab: Lab) -> None:
    earlier = ended(lab)
    other = lab.omero.group("other")
    lab.omero.store.members.add((lab.user.id, other.id))
    elsewhere = lab.omero.container(OmeroKind.PROJECT, "p", owner=lab.user, group=other)
    services = lab.world.services
    with pytest.raises(OmeroPermissionError, match=f"{elsewhere} is in another group"):
        check_import(
            services.record.get(earlier),
            OmeroWishes(archive=True, archive_at=(str(elsewhere),)),
            services,
        )


def test_a_run_that_waits_because_omero_refuses_may_be_imported_otherwise(lab: Lab) -> None:
    target = lab.dataset("target")
    wishes = OmeroWishes(label_images=True, dataset_id=target.id)
    run_id = lab.order(lab.dataset("cells", "a.tif"), wishes=wishes)
    del lab.omero.store.things[target]
    with pytest.raises(RunPausedError):
        lab.drive(run_id)
    again = wish(lab, run_id, ROIS)
    services = lab.world.services
    with pytest.raises(UsageError, match=again):
        resume_run(run_id, services, requested_by="ann")
    with pytest.raises(UsageError, match=again):
        lab.drive(run_id)
    with pytest.raises(UsageError, match="works on what"):
        wish(lab, run_id, ROIS)
    assert lab.drive(again) is RunStatus.DONE
    assert len(lab.made(OmeroKind.ROI, run_id)) == 1
    request = RunRequest.from_json(services.record.get(run_id).request)
    assert request.results.is_dir()  # it is that run's, which is still open
    with pytest.raises(RunPausedError):
        lab.drive(run_id)


def test_what_a_run_shall_clear_goes_also_where_another_import_came_first(lab: Lab) -> None:
    target, cells = lab.dataset("target"), lab.dataset("cells", "a.tif")
    image = OmeroRef(OmeroKind.IMAGE, lab.image("b.tif", cells))
    things = lab.omero.store.things
    old = lab.omero.store.add(
        Thing(kind=OmeroKind.ROI, owner=lab.user.id, group=lab.group.id, name="old 1", targets=[image])
    )
    wishes = OmeroWishes(label_images=True, dataset_id=target.id, rois=RoiWish(clear="old"))
    run_id = lab.order(cells, wishes=wishes)
    hidden = things.pop(target)
    with pytest.raises(RunPausedError):
        lab.drive(run_id)
    assert lab.drive(wish(lab, run_id, OmeroWishes(rois=RoiWish(shape="mask")))) is RunStatus.DONE
    assert old in things
    things[target] = hidden
    assert lab.drive(run_id) is RunStatus.DONE
    assert old not in things


def test_what_the_run_has_attached_elsewhere_does_not_count_as_said_of_its_images(lab: Lab) -> None:
    target, cells = lab.dataset("target"), lab.dataset("cells", "a.tif")
    earlier = lab.order(cells, wishes=OmeroWishes(archive=True, archive_at=(str(target),)), keep=True)
    assert lab.drive(earlier) is RunStatus.DONE
    lab.drive(wish(lab, earlier, OmeroWishes(archive=True)))
    lab.drive(wish(lab, earlier, OmeroWishes(archive=True, archive_at=(str(target),))))
    said = [
        target
        for ref in lab.made(OmeroKind.MAP, earlier)
        for target in lab.omero.store.things[ref].targets
        if lab.omero.store.things[ref].name == "biomero/workflow"
    ]
    assert Counter(said) == Counter([target, cells])


def test_results_in_a_folder_of_the_user_are_taken_from_there_as_long_as_they_are_what_they_were(
    lab: Lab, tmp_path: Path
) -> None:
    run_id = lab.order(lab.dataset("cells", "a.tif"), wishes=OmeroWishes(), results=tmp_path / "results")
    lab.drive(run_id)
    assert lab.drive(wish(lab, run_id, ROIS)) is RunStatus.DONE
    again = wish(lab, run_id, replace(ROIS, label_images=True))
    (label,) = (tmp_path / "results" / "labels").iterdir()
    label.write_bytes(b"changed")
    assert lab.drive(again) is RunStatus.FAILED
    failure = lab.world.services.record.get(again).failure
    assert failure is not None
    assert "not what the run brought" in failure["message"]
    assert label.read_bytes() == b"changed"


@pytest.mark.slow
def test_results_that_are_nowhere_are_refused_with_what_to_do(lab: Lab) -> None:
    gone = ended(lab, keep=False)
    with pytest.raises(UsageError, match=r"removed here and on the cluster.*--out"):
        wish(lab, gone, ROIS)
    again = wish(lab, ended(lab), ROIS)
    with pytest.raises(UsageError, match="no results of a workflow"):
        wish(lab, again, ROIS)
    lab.drive(again)
    waiting = lab.order(lab.dataset("more", "a.tif"))
    with pytest.raises(UsageError, match="wait for its end"):
        wish(lab, waiting, ROIS)
    files = lab.world.order(*lab.world.images(1))
    lab.drive(files)
    with pytest.raises(UsageError, match="is of files"):
        wish(lab, files, ROIS)


@pytest.mark.slow
def test_results_in_several_folders_are_refused_until_all_images_were_tried_again(lab: Lab) -> None:
    dataset = lab.dataset("cells", "a.tif", "b.tif")
    late = lab.omero.image("late.tif", None, owner=lab.user, group=lab.group, parent=dataset)
    earlier, services = lab.order(dataset, wishes=ROIS, keep=True), lab.world.services
    assert lab.drive(earlier) is RunStatus.DONE
    lab.omero.store.things[OmeroRef(OmeroKind.IMAGE, late)].pixels = ArrayImage(np.zeros((64, 64), np.uint8))
    retry_run(earlier, services, Retry.FAILED_IMAGES, requested_by="ann")
    assert lab.drive(earlier) is RunStatus.DONE
    rois = set(lab.made(OmeroKind.ROI, earlier))
    wishes = OmeroWishes(label_images=True, dataset_name="later")
    with pytest.raises(UsageError) as caught:
        wish(lab, earlier, wishes)
    told = str(caught.value)
    assert f"run {earlier[:8]} tried 1 of its 3 images again" in told
    assert f"biomero runs retry {earlier[:8]} --all" in told
    retry_run(earlier, services, Retry.ALL, requested_by="ann")
    assert lab.drive(earlier) is RunStatus.DONE
    assert set(lab.made(OmeroKind.ROI, earlier)) == rois
    assert lab.drive(wish(lab, earlier, wishes)) is RunStatus.DONE
    assert len(lab.made(OmeroKind.IMAGE, earlier)) == 3


def test_a_folder_that_was_removed_from_the_cluster_meanwhile_fails_the_import_with_a_sentence(
    lab: Lab, tmp_path: Path
) -> None:
    earlier = ended(lab)
    again = wish(lab, earlier, ROIS)
    (tmp_path / "data" / "runs" / earlier / "out").rename(tmp_path / "elsewhere")
    assert lab.drive(again) is RunStatus.FAILED
    failure = lab.world.services.record.get(again).failure
    assert failure is not None
    assert "is gone from fake" in failure["message"]


def test_images_that_a_group_does_not_allow_to_annotate_are_told_at_once(lab: Lab) -> None:
    earlier = ended(lab)
    bob = lab.omero.user("bob", lab.group)
    lab.omero.store.groups[lab.group.id] = replace(lab.group, access=GroupAccess.READ_ONLY)
    for thing in lab.omero.store.of(OmeroKind.IMAGE).values():
        thing.owner = bob.id
    with pytest.raises(OmeroPermissionError, match="may not annotate"):
        wish(lab, earlier, ROIS)


def test_images_that_failed_stay_failed_and_the_others_are_imported(lab: Lab) -> None:
    dataset = lab.dataset("cells", "a.tif")
    lab.omero.image("late.tif", None, owner=lab.user, group=lab.group, parent=dataset)
    earlier = lab.order(dataset, wishes=ROIS, keep=True)
    lab.drive(earlier)
    again = wish(lab, earlier, OmeroWishes(label_images=True, dataset_name="x"))
    assert lab.drive(again) is RunStatus.DONE
    assert len(lab.made(OmeroKind.IMAGE, earlier)) == 1
    assert len(lab.world.services.record.get(again).image_failures) == 1


def test_a_failed_import_is_tried_again_and_a_cancelled_one_leaves_nothing(lab: Lab) -> None:
    earlier = ended(lab)
    services = lab.world.services
    again = wish(lab, earlier, OmeroWishes(label_images=True, dataset_name="x"))
    place = lab.world.folder / "data" / "runs" / earlier / "out"
    place.rename(place.with_name("hidden"))
    assert lab.drive(again) is RunStatus.FAILED
    place.with_name("hidden").rename(place)
    retry_run(again, services, Retry.STEP, requested_by="ann")
    assert lab.drive(again) is RunStatus.DONE
    third = wish(lab, earlier, OmeroWishes(label_images=True, dataset_name="y"))
    services.record.change(third, lambda run: run.request_cancel("ann"))
    assert lab.drive(third) is RunStatus.CANCELLED
    open_one = wish(lab, earlier, OmeroWishes(label_images=True, dataset_name="z"))
    with pytest.raises(UsageError, match="works on what"):
        retry_run(third, services, Retry.STEP, requested_by="ann")
    lab.drive(open_one)
    assert [run.status for run in errands_of(earlier, Goal.IMPORT, services.record)] == [
        RunStatus.DONE,
        RunStatus.CANCELLED,
        RunStatus.DONE,
    ]
    assert not list((services.settings.state_folder / "results").iterdir())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whatever_call_of_an_import_breaks_off_each_object_is_made_once(
    tmp_path: Path, *, after: bool
) -> None:
    lab = lab_with(tmp_path, GroupAccess.READ_ANNOTATE)
    run_id = lab.order(lab.dataset("cells", "a.tif", "b.tif"), wishes=ROIS, results=tmp_path / "results")
    lab.drive(run_id)
    own = dict(lab.omero.store.things)
    again = wish(lab, run_id, replace(EVERYTHING, dataset_name="later", archive=True))
    assert lab.drive(again) is RunStatus.DONE
    whole = Counter(thing.kind for thing in lab.omero.store.things.values())
    broke, at = True, 0
    while broke:
        lab.omero.store.things = dict(own)
        breaking = BreakingOmero(lab.omero, at=at, after=after)
        lab.world.services = replace(lab.world.services, omero=breaking)
        with suppress(OmeroUnavailableError):
            import_results(lab.context(again))
        broke, breaking.at = breaking.broke, -1
        import_results(lab.context(again))
        assert Counter(thing.kind for thing in lab.omero.store.things.values()) == whole
        at += 1
    assert at > 8
    lab.world.services.record.close()


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_process_that_dies_at_any_call_of_an_import_loses_nothing(
    lab: Lab, *, before: bool, every: int
) -> None:
    earlier = ended(lab)
    computer, at, calls = Computer(lab.world), 0, 1
    while at < calls:
        again = wish(lab, earlier, OmeroWishes(label_images=True, dataset_name=f"{at}"))
        computer.drive(again, at, before=before)
        if at % 3 == 2:  # somebody ends it, where it had not ended
            with suppress(UsageError):
                lab.world.services.queue.request(again, Wish.CANCEL, lambda run: run.request_cancel("ann"))
        calls = max(calls, len(computer.drive(again).calls))
        status = lab.world.services.record.get(again).status
        made = [t for t in lab.omero.store.of(OmeroKind.DATASET).values() if t.name == f"{at}"]
        assert status in {RunStatus.DONE, RunStatus.CANCELLED}
        assert len(made) == 1 or status is RunStatus.CANCELLED
        place = lab.world.services.queue.find(again)
        assert place is not None
        assert place.state is QueueState.ENDED
        at += every
    assert calls > 8
    assert not list((lab.world.services.settings.state_folder / "results").iterdir())


def test_a_request_of_an_import_comes_back_from_the_record_and_old_ones_are_read(lab: Lab) -> None:
    earlier = ended(lab)
    target = lab.dataset("target")
    wishes = OmeroWishes(archive=True, archive_at=(str(target),))
    again = wish(lab, earlier, wishes, makes_anew=True)
    stored = lab.world.services.record.get(again).request
    request = RunRequest.from_json(stored)
    assert RunRequest.from_json(request.to_json()) == request
    old = {name: value for name, value in stored.items() if name != "errand"}
    old["omero"] = {
        **old["omero"],
        "wishes": {n: w for n, w in old["omero"]["wishes"].items() if not n.endswith("_at")},
    }
    assert RunRequest.from_json(old).errand is None
