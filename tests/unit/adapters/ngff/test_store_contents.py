"""Plates around images: valid, in an order that people expect, and read back as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaozarrs

from biomero.adapters.ngff import NgffSource, NgffStores, NgffWriter
from biomero.application.ports.pyramids import PyramidSettings
from biomero.domain.omero import WellPlace
from biomero.domain.plates import FieldPath
from biomero.testing.images import ArrayImage
from services.ngff import ome

FIELDS = [FieldPath.parse(text) for text in ("B/10/0", "A/2/1", "AA/1/0", "A/2/0")]


def plate(folder: Path, settings: PyramidSettings, fields: list[FieldPath]) -> Path:
    path = folder / "P.ome.zarr"
    NgffStores().write(path, name="P", fields=fields, version=settings.version)
    for number, field in enumerate(fields):
        pixels = np.full((5, 7), number, np.uint8)
        NgffWriter().write(ArrayImage(pixels, "yx"), path / str(field), settings)
    return path


def test_a_plate_is_valid(tmp_path: Path, settings: PyramidSettings) -> None:
    path = plate(tmp_path, settings, FIELDS)
    yaozarrs.validate_zarr_store(str(path))
    layout = ome(path)["plate"]
    assert [well["path"] for well in layout["wells"]] == ["A/2", "B/10", "AA/1"]
    assert [column["name"] for column in layout["columns"]] == ["1", "2", "10"]
    assert layout["field_count"] == 2


def test_its_images_are_found_in_the_order_in_which_they_are_counted(
    tmp_path: Path, settings: PyramidSettings
) -> None:
    path = plate(tmp_path, settings, FIELDS)
    found = NgffStores().fields(path)
    assert [str(field) for field in found] == ["A/2/0", "A/2/1", "B/10/0", "AA/1/0"]
    for index, field in enumerate(found):
        with NgffSource().open(path, index=index) as image:
            pixel = image.read(y=slice(0, 1), x=slice(0, 1))[0, 0]
        assert FIELDS[pixel] == field


@pytest.mark.parametrize("lost", ["zarr.json", "A/2/zarr.json"])
def test_what_is_no_plate_has_no_fields(tmp_path: Path, lost: str) -> None:
    path = plate(tmp_path, PyramidSettings(), FIELDS)
    (path / lost).unlink()
    assert NgffStores().fields(path) == []
    assert NgffStores().fields(path / "A" / "2" / "0") == []
    assert NgffStores().fields(tmp_path / "nothing") == []


def test_a_well_is_called_as_ngff_wants_it() -> None:
    place = WellPlace(plate_id=1, plate_name="P", well_id=2, row=26, column=11, field=3)
    assert str(FieldPath.of_place(place)) == "AA/12/3"


@pytest.mark.parametrize("text", ["A/1", "A/1/0/0", "../1/0", "A//0", "A/1/0 "])
def test_other_paths_are_none_of_plates(text: str) -> None:
    with pytest.raises(ValueError, match="no row, column and field"):
        FieldPath.parse(text)
