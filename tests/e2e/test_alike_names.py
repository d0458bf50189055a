"""Images of OMERO whose names begin others': each result is on its own image, whatever workflows call it."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.biologist import OBJECT, Biologist, has_its_own_object, omero_variables, place_of
from services.command import User
from services.omero_server import OmeroServer

pytestmark = [pytest.mark.omero, pytest.mark.slow, pytest.mark.timeout(300)]


def test_outputs_that_are_numbered_for_each_image_are_on_the_image_that_they_are_of(
    omero_server: OmeroServer, tmp_path: Path
) -> None:
    shell = User(home=tmp_path, variables=omero_variables(omero_server, tmp_path))
    eve = Biologist(omero_server, shell, "rwra--", name="eve")
    names = ("cell.tif", "cell_1.tif", "cell_1_2.tif", "Cell_2.tif", "cells.tif")
    dataset, numbers = eve.dataset("alike", names, 0)
    document = eve.run("--omero", f"Dataset:{dataset}", "--to", "rois,tables", "--param", "behave=numbered")
    assert document["problems"] == []
    assert [image["name"] for image in document["images"]][2:] == ["cell_1_2", "Cell_2", "cells"]
    for image, seen in eve.sees(list(numbers)).items():
        assert has_its_own_object(seen, numbers[image]), (image, seen)
        middle = [[p + (OBJECT - 1) / 2] for p in place_of(numbers[image])]
        assert [(t["Image"], [t["y"], t["x"]]) for t in seen["tables"]] == [([image], middle)] * 2
