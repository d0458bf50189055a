"""An OMERO that breaks off at any call: the run goes on, and makes each object once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from biomero.application.engine.import_results import import_results
from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.domain.omero import GroupAccess, OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.errors import OmeroUnavailableError
from biomero.testing.omero import FakeOmero
from unit.application.test_omero_places import plate_in
from unit.application.test_omero_runs import EVERYTHING, lab_with


@dataclass
class BreakingOmero:
    """Breaks off once, at one of its writer's calls: before it did something, or after."""

    omero: FakeOmero
    at: int
    after: bool
    calls: list[str] = field(default_factory=list)
    broke: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.omero, name)

    @contextmanager
    def writer(self, user: str, *, group_id: int | None) -> Iterator[Any]:
        with self.omero.writer(user, group_id=group_id) as writer:
            yield _Breaking(self, writer)


@dataclass
class _Breaking:
    omero: BreakingOmero
    writer: Any

    def __getattr__(self, name: str) -> Any:
        act = getattr(self.writer, name)
        if not callable(act):  # who writes, and where: nobody is asked for it
            return act

        def call(*args: Any, **kwargs: Any) -> Any:
            self.omero.calls.append(name)
            breaks = len(self.omero.calls) - 1 == self.omero.at
            self.omero.broke = self.omero.broke or breaks
            if breaks and not self.omero.after:
                raise OmeroUnavailableError("it went away")
            result = act(*args, **kwargs)
            if breaks:
                raise OmeroUnavailableError("the answer was lost")
            return result

        return call


@pytest.mark.parametrize("on_plate", [False, True], ids=["dataset", "plate"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whatever_call_breaks_off_each_object_is_made_once(
    tmp_path: Path, *, after: bool, on_plate: bool
) -> None:
    lab = lab_with(tmp_path, GroupAccess.READ_ANNOTATE)
    wishes = replace(EVERYTHING, rois=RoiWish(clear="old"), screen_name="results" if on_plate else "")
    chosen = [lab.dataset("first", "a.tif", "b.tif"), *([plate_in(lab)] if on_plate else [])]
    run_id = lab.order(*chosen, wishes=wishes, results=tmp_path / "results")
    assert lab.drive(run_id) is RunStatus.DONE
    whole = Counter(thing.kind for thing in lab.omero.store.things.values())
    broke, at = True, 0
    while broke:
        with lab.omero.writer(lab.user.name, group_id=lab.group.id) as writer:
            writer.remove(run_id)
        breaking = BreakingOmero(lab.omero, at=at, after=after)
        lab.world.services = replace(lab.world.services, omero=breaking)
        with suppress(OmeroUnavailableError):
            import_results(lab.context(run_id))
        broke, breaking.at = breaking.broke, -1
        import_results(lab.context(run_id))
        assert Counter(thing.kind for thing in lab.omero.store.things.values()) == whole
        at += 1
    assert at > 8
    lab.world.services.record.close()


def test_rois_that_are_cleared_first_are_not_cleared_again_once_new_ones_are_there(tmp_path: Path) -> None:
    lab = lab_with(tmp_path, GroupAccess.READ_ANNOTATE)
    image = OmeroRef(OmeroKind.IMAGE, lab.image("a.tif"))
    # the new ROIs have the name that is cleared: a second clearing would take them
    wishes = OmeroWishes(rois=RoiWish(name_prefix="nuclei", clear="nuclei"))
    breaking = BreakingOmero(lab.omero, at=2, after=True)
    lab.world.services = replace(lab.world.services, omero=breaking)
    run_id = lab.order(image, wishes=wishes)
    assert lab.drive(run_id) is RunStatus.DONE
    assert breaking.calls.count("clear_rois") == 1
    assert len(lab.made(OmeroKind.ROI, run_id)) == 1
    lab.world.services.record.close()
