"""A run on images of OMERO once more: on this machine, over the wire, as somebody at a shell does it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from biomero.adapters.omero.session import open_session
from biomero.application.settings import OmeroSettings
from services.biologist import Biologist, has_its_own_object, image_with_object, omero_variables
from services.command import THRESHOLD, Ended, User
from services.omero_server import PASSWORD, OmeroServer

pytestmark = [pytest.mark.omero, pytest.mark.slow]


@pytest.fixture
def ann(omero_server: OmeroServer, tmp_path: Path) -> Biologist:
    shell = User(home=tmp_path, variables=omero_variables(omero_server, tmp_path))
    return Biologist(omero_server, shell, "rwra--", name="rea")


def run(ann: Biologist, *words: str) -> Ended:
    options = ("--to", "rois", "--omero-user", ann.name, "--python", sys.executable, "--json")
    return ann.shell.biomero("run", THRESHOLD, "--omero", *words, *options)


def rename(ann: Biologist, image: int, name: str) -> None:
    from omero.rtypes import rstring

    settings = OmeroSettings(host=ann.server.url, user=ann.name, password=PASSWORD)
    with open_session(settings, ann.name) as session:
        found = session.factory.getQueryService().get("Image", image)
        found.name = rstring(name)
        session.factory.getUpdateService().saveObject(found)


def test_a_run_once_more_makes_objects_of_its_own_on_the_same_images(ann: Biologist) -> None:
    dataset, numbers = ann.dataset("first", ["cell.tif", "cell.tif"], 0)
    ran = run(ann, f"Dataset:{dataset}")
    assert ran.code == 0, ran.stderr
    ann.image("new.tif", 7, dataset)
    again = ann.shell.biomero("runs", "rerun", "last", "--json")
    assert again.code == 0, again.stderr + again.stdout
    assert again.document["is_equal"]
    assert {output["verdict"] for output in again.document["outputs"]} == {"equal"}
    for seen in ann.sees(list(numbers)).values():
        assert len(seen["rois"]) == 2

    # what has changed in OMERO since is said before anything is made there
    other = ann.add("cell.tif", image_with_object(9), dataset)
    second = run(ann, f"Image:{other}")
    assert second.code == 0, second.stderr
    seen = ann.sees([other])[other]
    assert has_its_own_object(seen, 9)
    rename(ann, other, "called anew.tif")
    refused = ann.shell.biomero("runs", "rerun", "last", "--json")
    assert refused.code == 2
    told = refused.document["error"]["message"]
    assert f"Image:{other} (cell.tif) is called called anew.tif now" in told
    assert "has changed" not in told  # the pixels are the same
    assert len(ann.sees([other])[other]["rois"]) == 1
