"""An OMERO is tried out, and is as it was."""

from __future__ import annotations

import pytest

from biomero.application.doctor.findings import Level
from biomero.application.doctor.omero_writing import check_writing
from biomero.domain.omero import GroupAccess
from services.omero_world import OmeroWorld


@pytest.mark.parametrize("access", [a for a in GroupAccess if a is not GroupAccess.OTHER])
def test_whoever_may_import_can_try_everything_out_and_nothing_stays(
    world: OmeroWorld, access: GroupAccess
) -> None:
    alice = world.user("alice", world.group("lab", access))
    findings = list(check_writing(world.omero, alice.name))
    assert [(f.code, f.level) for f in findings] == [
        ("omero.login", Level.OK),
        ("omero.writing", Level.OK),
        ("omero.traces", Level.OK),
    ]
    assert "Dataset, FileAnnotation, Image, MapAnnotation, Plate, Roi, Screen, Table" in findings[1].message
    with world.omero.reader(alice.name) as reader:
        assert list(reader.contents()) == []


def test_an_account_that_cannot_be_the_user_is_told_what_it_lacks(world: OmeroWorld) -> None:
    (finding,) = check_writing(world.omero, "nobody-of-that-name")
    assert (finding.code, finding.level) == ("omero.login", Level.PROBLEM)
    assert "nobody-of-that-name" in finding.message
    assert "Sudo" in finding.remedy
