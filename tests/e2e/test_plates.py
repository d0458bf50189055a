"""Whole plates of OME-Zarr: there as plates, back as results of each well, from files and from OMERO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from biomero.adapters.ngff import NgffStores, NgffWriter
from biomero.application.ports.pyramids import PyramidSettings
from biomero.domain.plates import FieldPath
from biomero.testing.images import ArrayImage
from services.biologist import (
    OBJECT,
    Biologist,
    has_its_own_object,
    image_with_object,
    omero_variables,
    place_of,
)
from services.command import REPOSITORY, THRESHOLD, User
from services.omero_server import OmeroServer

PLATES = REPOSITORY / "tests" / "fixtures" / "workflows" / "plates"


@pytest.fixture
def shell(tmp_path: Path) -> User:
    return User(home=tmp_path)


def plate_file(folder: Path, fields: list[FieldPath]) -> Path:
    """Write a plate whose n-th field has the object of number n."""
    path = folder / "plate one.ome.zarr"
    NgffStores().write(path, name="plate one", fields=fields, version="0.5")
    for number, field in enumerate(fields):
        image = ArrayImage(image_with_object(number)[0, 0, 0], "yx")
        NgffWriter().write(image, path / str(field), PyramidSettings())
    return path


@pytest.mark.slow
@pytest.mark.parametrize("batches", [(), ("--batch-size", "2")])
def test_a_plate_in_a_file_stays_a_plate_and_each_field_has_its_result(
    shell: User, tmp_path: Path, batches: tuple[str, ...]
) -> None:
    fields = [FieldPath.parse(text) for text in ("A/1/0", "A/1/1", "B/12/0")]
    ended = shell.run(PLATES, [plate_file(tmp_path, fields)], *batches)
    assert ended.code == 0, ended.stderr
    images = ended.document["images"]
    ends = [image["staged_name"].partition("/")[2] for image in images]
    assert ends == ["A/1/0", "A/1/1", "B/12/0"]
    outputs = ended.document["outputs"]
    for number, image in enumerate(images):
        (labels,) = [o for o in outputs if o["kind"] == "label" and o["image"] == image["index"]]
        assert Path(labels["path"]).name == f"{image['name']}.ome.tif"
        found = tifffile.imread(shell.home / "results" / labels["path"]).squeeze()
        y, x = place_of(number)
        assert tuple(np.argwhere(found)[0]) == (y, x)
        assert found.sum() == OBJECT**2
        (table,) = [o for o in outputs if o["kind"] == "table" and o["image"] == image["index"]]
        assert f"1,{y + (OBJECT - 1) / 2}" in (shell.home / "results" / table["path"]).read_text()


@pytest.mark.slow
def test_a_run_on_a_plate_can_be_repeated(shell: User, tmp_path: Path) -> None:
    first = shell.run(PLATES, [plate_file(tmp_path, [FieldPath("A", "1", "0"), FieldPath("A", "2", "0")])])
    again = shell.biomero("runs", "rerun", "last", "--json")
    assert again.code == 0, again.stderr
    assert again.document["is_equal"]
    repeated = shell.here("runs", "show", "last", "--json").document
    assert repeated["id"] == again.document["second"]["id"]
    staged = [image["staged_name"] for image in first.document["images"]]
    assert [image["staged_name"] for image in repeated["images"]] == staged


@pytest.mark.slow
def test_a_workflow_that_reads_tiff_refuses_plates(shell: User, tmp_path: Path) -> None:
    path = plate_file(tmp_path, [FieldPath("A", "1", "0")])
    ended = shell.run(THRESHOLD, [path], "--plates", "hcs")
    assert ended.code != 0
    assert "Threshold reads no OME-Zarr" in ended.stdout


@pytest.mark.omero
@pytest.mark.slow
def test_a_plate_in_omero_goes_as_a_plate_and_results_are_on_each_well(
    omero_server: OmeroServer, shell: User
) -> None:
    variables = omero_variables(omero_server, shell.home)
    shell = User(home=shell.home, variables=variables)
    ann = Biologist(omero_server, shell, "rwra--")
    plate, numbers = ann.plate(2, 3)
    document = ann.run("--omero", f"Plate:{plate}", "--to", "rois,tables,labels", workflow=PLATES)
    assert document["problems"] == []
    assert {image["staged_name"].partition("/")[2] for image in document["images"]} == {
        f"{row}/{column}/0" for row in "AB" for column in (1, 2, 3)
    }
    for image, seen in ann.sees(list(numbers)).items():
        assert has_its_own_object(seen, numbers[image]), (image, seen)
        (table,) = seen["tables"]
        assert table["Image"] == [image]
