"""Attached files of OMERO beside images that were sent to a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from biomero.application.ports.run_queue import QueueState, Wish
from biomero.application.retry_run import Retry, retry_run
from biomero.application.run_request import RunRequest
from biomero.application.send_file import FileOrder, send_attached_file
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.errors import InputError, OmeroObjectError, UsageError
from unit.application.test_crash_walk import Computer
from unit.application.test_omero_runs import Lab, lab_with
from unit.application.test_send_images import data, send, told


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = lab_with(tmp_path, GroupAccess.READ_ONLY)
    yield made
    made.world.services.record.close()


@pytest.fixture
def images(lab: Lab) -> RunId:
    """Return a run that has left images on the cluster."""
    run_id = send(lab, lab.dataset("first", "a.tif"))
    assert lab.drive(run_id) is RunStatus.DONE
    return run_id


def attach(lab: Lab, name: str = "levels.csv", content: bytes = b"a,b\n") -> int:
    return lab.omero.file(name, content, owner=lab.user, group=lab.group)


def wish(
    lab: Lab, images: RunId, file: int, *, slot: str = "1", formats: tuple[str, ...] = (), key: str = ""
) -> RunId:
    services = lab.world.services
    run_id, _ = send_attached_file(
        services.record.get(images),
        FileOrder(annotation_id=file, slot=slot, formats=formats),
        services,
        key=key or str(uuid4()),
        requested_by="ann",
    )
    return run_id


def test_a_file_is_beside_the_images_and_the_sentence_says_where(lab: Lab, images: RunId) -> None:
    file = attach(lab, "le vels $(id).csv")
    run_id = wish(lab, images, file, slot="07", formats=("csv", "tsv"), key="one")
    assert wish(lab, images, file, key="one") == run_id
    assert lab.drive(run_id) is RunStatus.DONE
    (sent,) = (data(lab) / "images" / "cells" / "p7").iterdir()
    assert sent.read_bytes() == b"a,b\n"
    assert "$" not in sent.name
    assert told(lab, run_id) == (
        f"File transfer is done (run {run_id[:8]}). What was sent is on local: "
        f"{data(lab)}/runs/{images}/in/p7/{sent.name}. It stays there until somebody removes it "
        "(biomero cluster clean)."
    )
    assert not (data(lab) / "runs" / run_id).exists()
    request = RunRequest.from_json(lab.world.services.record.get(run_id).request)
    assert RunRequest.from_json(request.to_json()) == request


def test_what_cannot_be_sent_is_refused_before_anything_starts(lab: Lab, images: RunId) -> None:
    file = attach(lab)
    with pytest.raises(InputError, match=r"Allowed_Formats: .*wanted: xlsx"):
        wish(lab, images, file, formats=("xlsx",))
    with pytest.raises(InputError, match="Param_Slot"):
        wish(lab, images, file, slot="../up")
    with pytest.raises(OmeroObjectError, match="98765"):
        wish(lab, images, 98765)
    elsewhere = lab.omero.group("elsewhere", GroupAccess.READ_ONLY)
    lab.omero.store.members.add((lab.user.id, elsewhere.id))
    other = lab.omero.file("x.csv", b"", owner=lab.user, group=elsewhere)
    with pytest.raises(InputError, match="another group than the images"):
        wish(lab, images, other)
    workflow = lab.order(lab.dataset("more", "a.tif"), results=lab.world.folder / "out")
    with pytest.raises(UsageError, match="no image transfer"):
        wish(lab, workflow, file)
    open_one = wish(lab, images, file)
    with pytest.raises(UsageError, match=f"run {open_one} works on"):
        wish(lab, images, file)


def test_a_file_that_changed_or_is_gone_fails_and_images_that_are_gone_too(lab: Lab, images: RunId) -> None:
    file = attach(lab)
    gone = wish(lab, images, file)
    del lab.omero.store.things[OmeroRef(OmeroKind.FILE, file)]
    assert lab.drive(gone) is RunStatus.FAILED
    assert not (data(lab) / "images" / "cells" / "p1").exists()
    late = wish(lab, images, attach(lab))
    folder = data(lab) / "runs" / images / "in"
    folder.rename(folder.with_name("hidden"))
    assert lab.drive(late) is RunStatus.FAILED
    assert "is gone from fake" in told(lab, late)
    folder.with_name("hidden").rename(folder)
    retry_run(late, lab.world.services, Retry.STEP, requested_by="ann")
    assert lab.drive(late) is RunStatus.DONE


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_process_that_dies_at_any_call_leaves_a_run_that_goes_on(
    lab: Lab, images: RunId, *, before: bool
) -> None:
    computer, at, calls, file = Computer(lab.world), 0, 1, attach(lab)
    while at < calls:
        run_id = wish(lab, images, file, slot=f"{at}")
        computer.drive(run_id, at, before=before)
        if at % 4 == 3:  # somebody ends it, where it has not ended
            with suppress(UsageError):
                lab.world.services.queue.request(run_id, Wish.CANCEL, lambda run: run.request_cancel("ann"))
        calls = max(calls, len(computer.drive(run_id).calls))
        status = lab.world.services.record.get(run_id).status
        assert status in {RunStatus.DONE, RunStatus.CANCELLED}
        if status is RunStatus.DONE:
            place = data(lab) / "images" / "cells" / f"p{at}"
            assert [file.name for file in place.iterdir()] == ["levels.csv"]
        queued = lab.world.services.queue.find(run_id)
        assert queued is not None
        assert queued.state is QueueState.ENDED
        at += 1
    assert calls > 6
