"""The suites meet an OMERO in memory and the test server over real Ice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.omero_server import OmeroServer, omero_server_in
from services.omero_world import SERVICE, FakeWorld, OmeroWorld, ServerWorld


@pytest.fixture(scope="session")
def omero_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OmeroServer]:
    with omero_server_in(tmp_path_factory.mktemp("omero")) as server:
        server.add_user(SERVICE, is_admin=True, privileges=["Sudo"])
        yield server


@pytest.fixture(params=["fake", pytest.param("server", marks=pytest.mark.omero)])
def world(request: pytest.FixtureRequest) -> OmeroWorld:
    if request.param == "fake":
        return FakeWorld()
    return ServerWorld(request.getfixturevalue("omero_server"))
