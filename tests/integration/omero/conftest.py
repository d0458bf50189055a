"""The test server, for what only real Ice can show, and users of it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroUser
from services.omero_server import OmeroServer
from services.omero_world import ServerWorld


@pytest.fixture
def world(omero_server: OmeroServer) -> Iterator[ServerWorld]:
    yield ServerWorld(omero_server)
    omero_server.ask("clear_faults")


@dataclass(frozen=True)
class Lab:
    """A group and a member of it."""

    group: OmeroGroup
    alice: OmeroUser


@pytest.fixture
def lab(world: ServerWorld) -> Lab:
    group = world.group("lab", GroupAccess.READ_ANNOTATE)
    return Lab(group, world.user("alice", group))
