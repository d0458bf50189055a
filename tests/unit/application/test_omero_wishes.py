"""What users of scripts wish of results besides images, ROIs and tables: files, one archive, ROIs of some."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from biomero.application.zip_results import zipped
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.testing.omero_store import Thing
from services.omero_lab import OmeroLab, order_of


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[OmeroLab]:
    made = OmeroLab.make(tmp_path)
    with made.answering():
        yield made
    made.world.services.record.close()


def made_by(lab: OmeroLab, dataset: OmeroRef, **wishes: Any) -> list[Thing]:
    """Run on a dataset, and return what came of it."""
    run = lab.engine().order(order_of(dataset, wishes=wishes))
    assert lab.drive(run["id"]) is RunStatus.DONE
    return [t for t in lab.omero.store.things.values() if t.key is not None and t.key.run_id == run["id"]]


def test_one_archive_is_at_the_dataset(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif", "b.tif")
    (archive,) = [t for t in made_by(lab, dataset, archive=True) if t.kind is OmeroKind.FILE]
    assert archive.name.endswith(".zip")
    assert dataset in archive.targets


def test_result_images_are_attached_as_files_to_their_images(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif", "b.tif")
    files = [t for t in made_by(lab, dataset, image_files=True) if t.kind is OmeroKind.FILE]
    targets = {ref for file in files for ref in file.targets}
    assert len(files) == 2
    assert {ref.kind for ref in targets} == {OmeroKind.IMAGE}
    assert len(targets) == 2


@pytest.mark.parametrize(("pattern", "count"), [("*a*", 1), ("*.tif", 2), ("", 2), ("nothing*", 0)])
def test_only_label_images_of_a_name_become_rois(lab: OmeroLab, pattern: str, count: int) -> None:
    dataset = lab.dataset("first", "xax.tif", "yyy.tif")
    made = made_by(lab, dataset, rois={"pattern": pattern})
    assert sum(t.kind is OmeroKind.ROI for t in made) == count


def test_an_archive_has_files_and_folders_under_their_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n" * 100)
    (tmp_path / "z.zarr" / "0").mkdir(parents=True)
    (tmp_path / "z.zarr" / "0" / "c").write_bytes(b"x" * 100)
    with zipped({"tables/t.csv": tmp_path / "t.csv", "z.zarr": tmp_path / "z.zarr"}) as path:
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist() == ["tables/t.csv", "z.zarr/0/c"]
            assert archive.read("tables/t.csv") == (tmp_path / "t.csv").read_bytes()
            assert archive.testzip() is None
        folder = path.parent
    assert not folder.exists()
