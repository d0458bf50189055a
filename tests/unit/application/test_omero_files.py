"""Runs with attached files of OMERO: what is refused, what reaches the cluster, and what is recorded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from biomero.application.choose_omero_images import OmeroOrder
from biomero.application.describe_run import describe_run
from biomero.application.omero_request import OmeroRequest, OmeroWishes, RoiWish
from biomero.application.ports.omero import OutputKey
from biomero.application.run_request import RunRequest
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.bootstrap import make_crate_writer
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroFile, OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.errors import (
    InputError,
    OmeroObjectError,
    OmeroUnavailableError,
    ParameterError,
    UsageError,
)
from biomero.testing.omero import FakeOmero
from services.command import LEVELS
from unit.application.test_omero_runs import Lab, lab_with
from unit.application.test_stage_slices import SlowClock

Files = Mapping[str, Sequence[int]]
ROIS = OmeroWishes(rois=RoiWish())


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = lab_with(tmp_path, GroupAccess.READ_ANNOTATE)
    yield made
    made.world.services.record.close()


def attach(lab: Lab, name: str, content: bytes = b"100") -> int:
    return lab.omero.file(name, content, owner=lab.user, group=lab.group)


def ask(lab: Lab, files: Files, chosen: OmeroRef | None = None, **more: Any) -> RunId:
    chosen = chosen or lab.dataset("first", "a.tif")
    order = Order(
        workflow=str(LEVELS),
        python=sys.executable,
        runtime="process",
        omero=OmeroOrder(user=lab.user.name, chosen=[chosen], wishes=ROIS, files=files),
        **more,
    )
    return accept_order(check_order(order, lab.world.services), lab.world.services)


def attached(lab: Lab, run_id: RunId) -> dict[str, bytes]:
    """Return what is in the run's folder on the cluster, of attached files."""
    folder = lab.world.folder / "data" / "runs" / run_id / "attached"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def script(lab: Lab, run_id: RunId) -> str:
    (found,) = (lab.world.folder / "data" / "runs" / run_id).glob("*workflow*.sh")
    return found.read_text()


def request_of(lab: Lab, run_id: RunId) -> RunRequest:
    return RunRequest.from_json(lab.world.services.record.get(run_id).request)


def test_files_reach_the_cluster_each_input_in_a_folder_of_its_own(lab: Lab) -> None:
    level, one = attach(lab, "my level.csv", b"7"), attach(lab, "note.txt", b"1")
    two = attach(lab, "note.txt", b"2")
    run_id = ask(lab, {"level": [level], "notes": [one, two, one]}, keep=True)
    assert lab.drive(run_id) is RunStatus.DONE
    omero = request_of(lab, run_id).omero
    assert omero is not None
    (named,) = omero.files["level"]
    assert named.file.name == "my level.csv"
    assert named.name.endswith(".csv")
    assert attached(lab, run_id) == {
        f"level/{named.name}": b"7",
        f"notes/note_id{one}.txt": b"1",
        f"notes/note_id{two}.txt": b"2",
    }
    words = script(lab, run_id)
    assert f"attached/level/{named.name}" in words  # the input takes one file
    assert "attached/notes" in words  # and this one a folder
    assert "attached/notes/" not in words
    assert not list((lab.world.services.settings.state_folder).rglob("export-*"))


@pytest.mark.parametrize(
    ("files", "error", "said"),
    [
        ({"levle": ["csv"]}, InputError, "input 'levle'.*did you mean 'level'"),
        ({"images": ["csv"]}, InputError, "input 'images'.*known: level, notes"),
        (
            {"notes": ["csv"]},
            ParameterError,
            r"'level' needs a file.*level=PATH or --input level=FileAnnotation:ID\)",
        ),
        ({"level": []}, InputError, "input 'level': no file was given"),
        ({"level": ["csv", "other"]}, InputError, "input 'level': Levels takes one file there, not 2"),
        ({"level": ["png"]}, InputError, r"input 'level': FileAnnotation:\d+ \(a.png\).*wanted: csv, txt"),
        ({"level": ["table"]}, InputError, r"input 'level': .*OMERO\.table"),
        ({"level": ["map"]}, OmeroObjectError, "input 'level': .*no file, it is a MapAnnotation"),
        ({"level": ["nothing"]}, OmeroObjectError, "input 'level': there is no FileAnnotation:987654"),
        ({"level": ["hidden"]}, OmeroObjectError, "input 'level': there is no FileAnnotation"),
        (
            {"level": ["elsewhere"]},
            InputError,
            r"input 'level': FileAnnotation:\d+ \(b.csv\) is in another group than the images.*lab",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    lab: Lab, files: Mapping[str, Sequence[str]], error: type[UsageError], said: str
) -> None:
    other = lab.omero.group("other", GroupAccess.PRIVATE)
    bob = lab.omero.user("bob", other, lab.group)
    lab.omero.store.members.add((lab.user.id, other.id))
    with lab.omero.writer(lab.user.name, group_id=lab.group.id) as writer:
        made = writer.put_map(OutputKey(run_id=RunId("r"), output="map"), namespace="n", pairs=[], targets=())
        table = writer.put_table(
            OutputKey(run_id=RunId("r"), output="table"), (), name="cells.csv", targets=()
        )
    numbers = {
        "csv": attach(lab, "a.csv"),
        "other": attach(lab, "b.csv"),
        "png": attach(lab, "a.png"),
        "map": made.id,
        "table": table.id,
        "nothing": 987654,
        "hidden": lab.omero.file("b.csv", b"", owner=bob, group=other),
        "elsewhere": lab.omero.file("b.csv", b"", owner=lab.user, group=other),
    }
    with pytest.raises(error, match=said):
        ask(lab, {name: [numbers[word] for word in words] for name, words in files.items()})
    assert not list(lab.world.services.record.ids())


def test_one_input_has_files_of_here_or_of_omero(lab: Lab, tmp_path: Path) -> None:
    level = attach(lab, "a.csv")
    note = tmp_path / "here.txt"
    note.write_text("from here")
    with pytest.raises(InputError, match=r"'level'.*not both"):
        ask(lab, {"level": [level]}, attachments={"level": [note]})
    run_id = ask(lab, {"level": [level]}, attachments={"notes": [note]}, keep=True)
    assert lab.drive(run_id) is RunStatus.DONE
    assert attached(lab, run_id) == {"level/a.csv": b"100", "notes/here.txt": b"from here"}


@dataclass
class Interrupted:
    """Breaks off at one of the reader's calls about files, before or after it did something."""

    omero: FakeOmero
    at: int
    after: bool
    calls: int = 0
    broke: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.omero, name)

    @contextmanager
    def reader(self, user: str) -> Iterator[Any]:
        with self.omero.reader(user) as reader:
            yield _Breaking(self, reader)


@dataclass
class _Breaking:
    interrupted: Interrupted
    reader: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    def files(self, ids: Sequence[int]) -> Sequence[OmeroFile]:
        found: Sequence[OmeroFile] = self._call(lambda: self.reader.files(ids))
        return found

    def download(self, file: OmeroFile, path: Path, **more: Any) -> None:
        self._call(lambda: self.reader.download(file, path, **more))

    def _call(self, act: Any) -> Any:
        own = self.interrupted
        own.calls += 1
        breaks = own.calls - 1 == own.at
        own.broke = own.broke or breaks
        if breaks and not own.after:
            raise OmeroUnavailableError("it went away")
        result = act()
        if breaks:
            raise OmeroUnavailableError("it went away with the answer")
        return result


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(4))
def test_wherever_it_breaks_off_the_files_are_there_in_the_end(lab: Lab, at: int, *, after: bool) -> None:
    level, note = attach(lab, "a.csv"), attach(lab, "n.txt", b"n")
    run_id = ask(lab, {"level": [level], "notes": [note]}, keep=True)
    breaking = Interrupted(lab.omero, at=at, after=after)
    lab.world.services = replace(lab.world.services, omero=breaking)
    assert lab.drive(run_id) is RunStatus.DONE
    assert breaking.broke
    assert attached(lab, run_id) == {"level/a.csv": b"100", "notes/n.txt": b"n"}
    assert len(lab.made(OmeroKind.ROI, run_id)) == 1


def test_files_are_there_also_where_an_image_fails_and_it_breaks_off(lab: Lab) -> None:
    level = attach(lab, "a.csv")
    dataset = lab.dataset("first", "a.tif")
    lab.omero.image("without pixels", None, owner=lab.user, group=lab.group, parent=dataset)
    lab.world.services = replace(lab.world.services, clock=SlowClock())  # each image goes by itself
    run_id = ask(lab, {"level": [level]}, dataset, keep=True)
    breaking = Interrupted(lab.omero, at=1, after=False)
    lab.world.services = replace(lab.world.services, omero=breaking)
    assert lab.drive(run_id) is RunStatus.DONE
    assert breaking.broke
    assert attached(lab, run_id) == {"level/a.csv": b"100"}


@pytest.mark.parametrize("is_gone", [False, True], ids=["changed", "gone"])
def test_a_file_that_is_not_what_it_was_fails_the_run(lab: Lab, *, is_gone: bool) -> None:
    level = attach(lab, "a.csv")
    run_id = ask(lab, {"level": [level]})
    ref = OmeroRef(OmeroKind.FILE, level)
    if is_gone:
        del lab.omero.store.things[ref]
    else:
        lab.omero.store.things[ref].content = b"101"
    assert lab.drive(run_id) is RunStatus.FAILED
    failure = lab.world.services.record.get(run_id).failure
    assert failure is not None
    assert failure["failure_class"] == "omero"
    assert ("no FileAnnotation" if is_gone else "has changed since") in failure["message"]
    assert str(level) in failure["message"]


def test_a_request_with_files_comes_back_and_an_older_one_has_none(lab: Lab) -> None:
    run_id = ask(lab, {"level": [attach(lab, "ü.csv")]})
    request = request_of(lab, run_id)
    assert RunRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
    assert request.omero is not None
    older = request.omero.to_json()
    del older["files"]
    assert OmeroRequest.from_json(older) == replace(request.omero, files={})


def test_results_and_records_name_the_files(lab: Lab, tmp_path: Path) -> None:
    level = attach(lab, "my level.csv")
    run_id = ask(lab, {"level": [level]}, results=tmp_path / "results")
    assert lab.drive(run_id) is RunStatus.DONE
    maps = [lab.omero.store.things[ref] for ref in lab.made(OmeroKind.MAP, run_id)]
    pairs = {pair for thing in maps for pair in thing.content}
    assert ("File_level", f"FileAnnotation:{level} (my level.csv)") in pairs
    (told,) = describe_run(lab.world.services.record, run_id).attachments
    assert (told.input, told.source, told.size) == ("level", f"omero:FileAnnotation:{level}", 3)
    assert str(told.checksum).startswith("SHA1-160:")
    make_crate_writer(lab.world.services.settings).write(run_id, tmp_path / "crate")
    graph = json.loads((tmp_path / "crate" / "ro-crate-metadata.json").read_bytes())["@graph"]
    (part,) = [one for one in graph if one.get("name") == "my level.csv"]
    assert part["@id"] == f"omero://{lab.omero.address}/FileAnnotation/{level}"
    assert "attached as level" in part["description"]
    (run,) = [one for one in graph if one["@type"] == "CreateAction"]
    assert {"@id": part["@id"]} in run["object"]
