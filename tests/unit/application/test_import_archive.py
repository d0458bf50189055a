"""The one file with all results of a run, also where images were tried again."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from biomero.application.import_objects import Imported
from biomero.application.omero_request import OmeroWishes
from biomero.application.run_document import OutputKind
from biomero.domain.omero import GroupAccess
from biomero.testing.omero_store import Thing
from services.omero_import import Results
from services.omero_world import FakeWorld


def results_in(folder: Path, world: FakeWorld, count: int) -> Results:
    """Return results of a run, one text of each of its images."""
    group = world.group("lab", GroupAccess.READ_ANNOTATE)
    alice = world.user("alice", group)
    images = [world.image(f"{number}.tif", alice, group) for number in range(count)]
    results = Results(folder, world, alice.name, images)
    for number in range(count):
        results.file(f"image_{number}.txt", b"text", of=number, kind=OutputKind.FILE)
    return results


def file_of(world: FakeWorld, imported: Imported) -> Thing:
    (made,) = imported.objects
    return world.omero.store.things[made.ref]


def names_in(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return sorted(archive.namelist())


def test_the_zip_file_of_a_later_round_has_all_results_that_are_still_here(tmp_path: Path) -> None:
    world, wishes = FakeWorld(), OmeroWishes(archive=True)
    results = results_in(tmp_path, world, 3)
    first = results.put(wishes, outputs=results.outputs[:1])
    second = results.put(wishes, outputs=results.outputs[1:2], earlier=results.outputs[:1], round=1)
    (tmp_path / "image_0.txt").unlink()  # it went to OMERO and nowhere else
    third = results.put(wishes, outputs=results.outputs[2:], earlier=results.outputs[:2], round=2)
    files = [file_of(world, imported) for imported in (first, second, third)]
    assert [names_in(file.content) for file in files] == [
        ["image_0.txt"],
        ["image_0.txt", "image_1.txt"],
        ["image_1.txt", "image_2.txt"],
    ]
    assert [file.name[len("nuclei_12345678") :] for file in files] == [".zip", "_2.zip", "_3.zip"]
    assert not second.problems
    (problem,) = third.problems
    assert "('image_0.txt')" in problem
    assert f"{files[2].name} lacks 1 of 3 results" in problem


def test_a_round_that_has_nothing_on_this_machine_makes_no_zip_file(tmp_path: Path) -> None:
    results = results_in(tmp_path, FakeWorld(), 1)
    (tmp_path / "image_0.txt").unlink()
    imported = results.put(OmeroWishes(archive=True), round=1)
    assert not imported.objects
    assert "lacks 1 of 1 results" in imported.problems[0]
