"""The suites meet an OMERO in memory and the test server over real Ice."""

from __future__ import annotations

import pytest

from services.omero_world import FakeWorld, OmeroWorld, ServerWorld


@pytest.fixture(params=["fake", pytest.param("server", marks=pytest.mark.omero)])
def world(request: pytest.FixtureRequest) -> OmeroWorld:
    if request.param == "fake":
        return FakeWorld()
    return ServerWorld(request.getfixturevalue("omero_server"))
