"""Images that are sent to a cluster and stay there, and get another format there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from biomero.adapters.ngff import NgffStores
from biomero.application.choose_omero_images import OmeroOrder
from biomero.application.clean_cluster import plan_cleaning
from biomero.application.describe_run import describe_run
from biomero.application.engine import names
from biomero.application.ports.run_queue import Limits, QueueState, Wish
from biomero.application.rerun_run import check_repetition
from biomero.application.retry_run import Retry, retry_run
from biomero.application.run_request import RunRequest
from biomero.application.send_images import SendOrder, accept_sending, check_sending, convert_sent
from biomero.application.tell_run import tell_run
from biomero.domain.ids import RunId
from biomero.domain.leftovers import CleaningRule
from biomero.domain.omero import GroupAccess, OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.errors import InputError, NotRepeatableError, UsageError
from biomero.testing.images import ArrayImage
from services.fake_world import state_of, wait_until
from unit.application.test_crash_walk import EVERY, Computer
from unit.application.test_engine import working
from unit.application.test_omero_runs import Lab, lab_with


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = lab_with(tmp_path, GroupAccess.READ_ONLY)
    yield made
    made.world.services.record.close()


def send(lab: Lab, *chosen: OmeroRef, as_tiff: bool = False, folder: str = "cells") -> RunId:
    order = SendOrder(
        omero=OmeroOrder(user=lab.user.name, chosen=chosen),
        as_tiff=as_tiff,
        folder=folder,
        requested_by=lab.user.name,
    )
    run_id, services = RunId(str(uuid4())), lab.world.services
    return accept_sending(check_sending(order, services, run_id=run_id), services, run_id=run_id)


def convert(lab: Lab, earlier: RunId, key: str = "") -> RunId:
    services = lab.world.services
    run = services.record.get(earlier)
    return convert_sent(run, services, key=key or str(uuid4()), requested_by="ann")[0]


def data(lab: Lab) -> Path:
    return lab.world.folder / "data"


def images_in(lab: Lab, folder: str) -> list[str]:
    return sorted(path.name for path in (data(lab) / "images" / folder).iterdir())


def told(lab: Lab, run_id: RunId) -> str:
    return tell_run(describe_run(lab.world.services.record, run_id))


def step_of(lab: Lab, run_id: RunId) -> str:
    place = lab.world.services.queue.find(run_id)
    assert place is not None
    return place.step


def test_images_are_on_the_cluster_under_their_name_and_stay_there(lab: Lab) -> None:
    run_id = send(lab, lab.dataset("first", "a.tif", "b $(id).tif"))
    assert lab.drive(run_id) is RunStatus.DONE
    assert len(images_in(lab, "cells")) == 2
    assert all(name.endswith(".ome.zarr") for name in images_in(lab, "cells"))
    assert f"2 of 2 images. What was sent is on local: {data(lab)}/images/cells." in told(lab, run_id)
    assert not lab.world.scheduler.submissions
    assert not [t for t in lab.omero.store.things.values() if t.key is not None]
    assert (data(lab) / "images").stat().st_mode & 0o777 == 0o700
    assert (data(lab) / "runs" / run_id).stat().st_mode & 0o777 == 0o700


def test_a_plate_is_a_plate_there_and_can_be_converted_well_by_well(lab: Lab) -> None:
    plate = lab.omero.container(OmeroKind.PLATE, "P", owner=lab.user, group=lab.group)
    for column in range(2):
        lab.image(f"i{column}", lab.omero.well(plate, 0, column))
    run_id = send(lab, plate)
    assert lab.drive(run_id) is RunStatus.DONE
    assert images_in(lab, "cells") == ["P.ome.zarr"]
    store = data(lab) / "images" / "cells" / "P.ome.zarr"
    assert [str(field) for field in NgffStores().fields(store)] == ["A/1/0", "A/2/0"]
    assert lab.drive(convert(lab, run_id)) is RunStatus.DONE
    assert images_in(lab, "cells") == ["P.ome.zarr", "P_A_1_0.tif", "P_A_2_0.tif"]


def test_images_become_tiff_there_if_that_is_wished(lab: Lab) -> None:
    run_id = send(lab, lab.dataset("first", "a.tif", "b.tif"), as_tiff=True)
    assert lab.drive(run_id) is RunStatus.DONE
    assert images_in(lab, "cells") == ["a.tif", "b.tif"]
    assert [spec.key for spec in lab.world.scheduler.submissions] == [f"biomero-{run_id}-conversion"]
    with pytest.raises(UsageError, match="OME-TIFF already"):
        convert(lab, run_id)


def test_only_what_is_to_be_converted_waits_for_its_turn_there(lab: Lab) -> None:
    as_zarr = send(lab, lab.dataset("first", "a.tif"))
    as_tiff = send(lab, lab.dataset("second", "b.tif"), as_tiff=True, folder="others")
    with working(lab.world, limits=Limits(conversions=0)):
        wait_until(lambda: state_of(lab.world, as_zarr) is QueueState.ENDED)
        wait_until(lambda: step_of(lab, as_tiff) == names.CONVERT)
    assert lab.world.services.record.get(as_zarr).status is RunStatus.DONE
    assert step_of(lab, as_tiff) == names.CONVERT
    assert not lab.world.scheduler.submissions


def test_images_that_are_there_are_converted_where_they_are(lab: Lab) -> None:
    earlier = send(lab, lab.dataset("first", "a.tif", "b.tif"))
    lab.drive(earlier)
    run_id = convert(lab, earlier, "one")
    assert convert(lab, earlier, "one") == run_id
    with pytest.raises(UsageError, match=f"run {run_id} works on"):
        convert(lab, earlier)
    with pytest.raises(UsageError, match=f"run {run_id} works on"):
        retry_run(earlier, lab.world.services, Retry.STEP, requested_by="ann")
    plan = plan_cleaning(
        lab.world.cluster(), lab.world.services, CleaningRule(older_than=timedelta(seconds=-60))
    )
    assert [(kept.leftover.run_id, run_id in kept.reason) for kept in plan.kept] == [(earlier, True)]
    assert lab.drive(run_id) is RunStatus.DONE
    assert images_in(lab, "cells") == ["a.ome.zarr", "a.tif", "b.ome.zarr", "b.tif"]
    assert "Conversion is done" in told(lab, run_id)
    assert f"{data(lab)}/runs/{earlier}/in" in told(lab, run_id)
    assert not (data(lab) / "runs" / run_id).exists()


def test_what_left_no_images_is_not_converted(lab: Lab) -> None:
    waiting = send(lab, lab.dataset("first", "a.tif"))
    with pytest.raises(UsageError, match="are not there: it is submitted"):
        convert(lab, waiting)
    workflow = lab.order(lab.dataset("more", "a.tif"), results=lab.world.folder / "out")
    with pytest.raises(UsageError, match="no image transfer"):
        convert(lab, workflow)


def test_a_name_is_one_run_s_until_its_images_are_gone(lab: Lab) -> None:
    dataset = lab.dataset("first", "a.tif")
    first = send(lab, dataset)
    lab.drive(first)
    second = send(lab, dataset)
    assert lab.drive(second) is RunStatus.FAILED
    assert "the folder cells is there already on" in told(lab, second)
    assert len(images_in(lab, "cells")) == 1
    (data(lab) / "runs" / first).rename(lab.world.folder / "gone")
    third = send(lab, dataset)
    assert lab.drive(third) is RunStatus.DONE
    assert (data(lab) / "images" / "cells").resolve() == data(lab) / "runs" / third / "in"


NAMES = ["../up", "a/b", ".hidden", "-rf", "a\nb", "x" * 101, "$(id)", "a;b", "ends.", "\u00e9t\u00e9"]


@pytest.mark.parametrize("folder", NAMES, ids=[f"name{n}" for n in range(len(NAMES))])
def test_a_name_that_is_none_is_refused(lab: Lab, folder: str) -> None:
    with pytest.raises(InputError, match="Folder_Name"):
        send(lab, lab.dataset("first", "a.tif"), folder=folder)


def test_without_a_name_the_folder_is_called_after_the_run(lab: Lab) -> None:
    run_id = send(lab, lab.dataset("first", "a.tif"), folder="")
    lab.drive(run_id)
    assert images_in(lab, f"SLURM_IMAGES_{run_id[:8]}") == ["a.ome.zarr"]


def test_an_image_that_cannot_be_read_leaves_the_others_and_none_at_all_is_a_failure(lab: Lab) -> None:
    dataset = lab.dataset("first", "a.tif")
    late = lab.omero.image("late.tif", None, owner=lab.user, group=lab.group, parent=dataset)
    run_id = send(lab, dataset)
    assert lab.drive(run_id) is RunStatus.DONE
    assert "1 of 2 images; late" in told(lab, run_id)
    alone = send(lab, OmeroRef(OmeroKind.IMAGE, late), folder="alone")
    assert lab.drive(alone) is RunStatus.FAILED
    assert "no pixels" in told(lab, alone)
    assert not (data(lab) / "images" / "alone").is_symlink()
    lab.omero.store.things[OmeroRef(OmeroKind.IMAGE, late)].pixels = ArrayImage(np.zeros((64, 64), np.uint8))
    for again in (run_id, alone):
        retry_run(again, lab.world.services, Retry.STEP, requested_by="ann")
        assert lab.drive(again) is RunStatus.DONE
    assert len(images_in(lab, "cells")) == 2
    assert len(images_in(lab, "alone")) == 1


def test_a_conversion_that_fails_is_told_and_tried_again(lab: Lab) -> None:
    lab.world.jobs.judge = lambda _spec, index: 3 if index == 1 else 0
    run_id = send(lab, lab.dataset("first", "a.tif", "b.tif"), as_tiff=True)
    assert lab.drive(run_id) is RunStatus.DONE
    assert "1 of 2 images" in told(lab, run_id)
    lab.world.jobs.judge = lambda _spec, _index: 0
    retry_run(run_id, lab.world.services, Retry.FAILED_IMAGES, requested_by="ann")
    assert lab.drive(run_id) is RunStatus.DONE
    assert images_in(lab, "cells") == ["a.tif", "b.tif"]


def test_what_is_cancelled_while_a_job_works_gives_its_name_back_and_may_be_tried_again(lab: Lab) -> None:
    services = lab.world.services

    def cancel(_spec: object, _index: int | None) -> int:
        services.queue.request(run_id, Wish.CANCEL, lambda run: run.request_cancel("ann"))
        return 3

    dataset = lab.dataset("first", "a.tif", "b.tif")
    run_id = send(lab, dataset, as_tiff=True)
    lab.world.jobs.judge = cancel
    assert lab.drive(run_id) is RunStatus.CANCELLED
    assert not (data(lab) / "images" / "cells").is_symlink()
    lab.world.jobs.judge = lambda _spec, _index: 0
    retry_run(run_id, services, Retry.STEP, requested_by="ann")
    assert lab.drive(run_id) is RunStatus.DONE
    assert images_in(lab, "cells") == ["a.tif", "b.tif"]


def test_a_conversion_of_which_nothing_comes_says_what_its_jobs_printed(lab: Lab) -> None:
    earlier = send(lab, lab.dataset("first", "a.tif"))
    lab.drive(earlier)
    lab.world.jobs.judge = lambda _spec, _index: 3
    run_id = convert(lab, earlier)
    assert lab.drive(run_id) is RunStatus.FAILED
    services = lab.world.services
    results = RunRequest.from_json(services.record.get(run_id).request).results
    assert ["ends with 3" in log.read_text() for log in (results / "logs").iterdir()] == [True]
    assert images_in(lab, "cells") == ["a.ome.zarr"]
    with pytest.raises(NotRepeatableError, match="ran no workflow"):
        check_repetition(run_id, services)


@pytest.mark.slow
@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("goal", ["zarr", "tiff", "conversion"])
def test_a_process_that_dies_at_any_call_leaves_a_run_that_goes_on(
    lab: Lab, goal: str, *, before: bool, every: int
) -> None:
    dataset = lab.dataset("first", "a.tif", "b.tif")
    computer, at, calls = Computer(lab.world), 0, 1
    while at < calls:
        run_id = send(lab, dataset, as_tiff=goal == "tiff", folder=f"n{at}")
        if goal == "conversion":
            lab.drive(run_id)
            run_id = convert(lab, run_id)
        computer.drive(run_id, at, before=before)
        is_unwanted = at % 4 == 3
        if is_unwanted:  # somebody ends it, where it has not ended
            with suppress(UsageError):
                lab.world.services.queue.request(run_id, Wish.CANCEL, lambda run: run.request_cancel("ann"))
        calls = max(calls, len(computer.drive(run_id).calls))
        status = lab.world.services.record.get(run_id).status
        if status is RunStatus.DONE:
            images = images_in(lab, f"n{at}")
            assert len(images) == (4 if goal == "conversion" else 2), images
        else:
            assert (status, is_unwanted) == (RunStatus.CANCELLED, True)
            assert goal == "conversion" or not (data(lab) / "images" / f"n{at}").is_symlink()
        keys = [spec.key for spec in lab.world.scheduler.submissions if run_id in spec.key]
        assert len(keys) == len(set(keys)) <= (0 if goal == "zarr" else 1)
        place = lab.world.services.queue.find(run_id)
        assert place is not None
        assert place.state is QueueState.ENDED
        at += every
    assert calls > 8


def test_a_request_comes_back_from_the_record_as_it_was(lab: Lab) -> None:
    run_id = send(lab, lab.dataset("first", "a.tif"), as_tiff=True)
    request = RunRequest.from_json(lab.world.services.record.get(run_id).request)
    assert RunRequest.from_json(request.to_json()) == request
    assert request.errand is not None
    assert (request.errand.folder, request.errand.takes_zarr, request.keep) == ("cells", False, True)
