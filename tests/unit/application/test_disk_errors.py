"""What a program says that cannot write tells who has to act."""

from __future__ import annotations

import pytest

from biomero.application.disk_errors import remote_disk_error
from biomero.errors import BiomeroError, NoSpaceError, RemotePermissionError


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("cat: write error: Disk quota exceeded", NoSpaceError),
        ("cat: write error: No space left on device", NoSpaceError),
        ("sh: 1: cannot create lock.key: Disk quota exceeded", NoSpaceError),
        ("sh: 1: cannot create /data/x.part: Read-only file system", RemotePermissionError),
        ("sh: 1: cannot create /data/x.part: Permission denied", RemotePermissionError),
    ],
)
def test_no_space_and_no_permission_are_told_apart(words: str, kind: type[BiomeroError]) -> None:
    found = remote_disk_error("/data/x could not be written", words)
    assert type(found) is kind
    assert "/data/x could not be written" in str(found)


def test_anything_else_is_not_about_a_disk() -> None:
    assert remote_disk_error("/data/x could not be written", "sh: 1: cat: not found") is None
