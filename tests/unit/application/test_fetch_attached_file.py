"""Bringing an attached file of OMERO here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from biomero.application.fetch_attached_file import fetch_attached_file
from biomero.errors import ConfigurationError, InputError, OmeroObjectError, OmeroUnavailableError
from biomero.testing.omero import FakeOmero
from services.fake_world import FakeWorld


def test_a_file_comes_under_a_safe_name_if_it_is_of_a_format_that_is_taken(tmp_path: Path) -> None:
    world, omero = FakeWorld.make(tmp_path / "world"), FakeOmero()
    group = omero.group("lab")
    ann, bob = omero.user("ann", group), omero.user("bob", omero.group("elsewhere"))
    number = omero.file("../my settings.csv", b"1,2", owner=ann, group=group)
    services = replace(world.services, omero=omero)
    came = fetch_attached_file(number, tmp_path, services, user=ann.name, formats=["csv"])
    assert came.path.parent == tmp_path
    assert came.path.suffix == ".csv"
    assert came.path.read_bytes() == b"1,2"
    assert came.file.name == "../my settings.csv"
    with pytest.raises(InputError, match=r"Param_Slot: FileAnnotation:.*wanted: tsv"):
        fetch_attached_file(number, tmp_path, services, user=ann.name, formats=["tsv"], field="Param_Slot")
    with pytest.raises(OmeroObjectError, match=f"no FileAnnotation:{number}"):
        fetch_attached_file(number, tmp_path, services, user=bob.name)
    omero.is_up = False
    with pytest.raises(OmeroUnavailableError):
        fetch_attached_file(number, tmp_path, services, user=ann.name)
    with pytest.raises(ConfigurationError, match="no OMERO is configured"):
        fetch_attached_file(number, tmp_path, world.services, user=ann.name)
    world.services.record.close()
