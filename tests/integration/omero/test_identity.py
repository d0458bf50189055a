"""Whose a session is, asked of the test server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from biomero.adapters.omero.identity import IceIdentity
from biomero.adapters.omero.login import new_client
from biomero.domain.omero import GroupAccess, OmeroUser
from biomero.errors import OmeroLoginError, OmeroUnavailableError
from services.omero_server import PASSWORD, OmeroServer
from services.omero_world import ServerWorld

pytestmark = [pytest.mark.omero]


@pytest.fixture
def world(omero_server: OmeroServer) -> ServerWorld:
    return ServerWorld(omero_server)


@pytest.fixture
def alice(world: ServerWorld) -> OmeroUser:
    return world.user("alice", world.group("lab", GroupAccess.PRIVATE))


@pytest.fixture
def client(world: ServerWorld, alice: OmeroUser) -> Iterator[Any]:
    client = new_client(world.settings(), "the test server")
    client.createSession(alice.name, PASSWORD)
    yield client
    import Ice

    with suppress(Ice.Exception):
        client.closeSession()


def test_a_session_tells_whose_it_is_and_goes_on(world: ServerWorld, alice: OmeroUser, client: Any) -> None:
    identity = IceIdentity(world.settings())
    for _ in range(3):
        found = identity.user_of(client.getSessionId())
        assert (found.id, found.name) == (alice.id, alice.name)
    assert client.sf.getAdminService().getEventContext().userName == alice.name


def test_a_session_that_has_ended_is_nobodys(world: ServerWorld, alice: OmeroUser, client: Any) -> None:
    session = client.getSessionId()
    world.server.kill_sessions(alice.name)
    with pytest.raises(OmeroLoginError) as raised:
        IceIdentity(world.settings()).user_of(session)
    assert session not in str(raised.value)


@pytest.mark.parametrize("said", ["0f5d7c2a-77aa-4b1e-9c3d-1234567890ab", "", "root", "a'b", "-" * 36])
def test_what_is_no_session_is_nobodys(world: ServerWorld, said: str) -> None:
    with pytest.raises(OmeroLoginError, match="does not know this session"):
        IceIdentity(world.settings()).user_of(said)


def test_administrators_are_known_as_such(world: ServerWorld, client: Any) -> None:
    identity = IceIdentity(world.settings())
    assert not identity.user_of(client.getSessionId()).is_admin
    root = new_client(world.settings(), "the test server")
    root.createSession("root", PASSWORD)
    assert identity.user_of(root.getSessionId()).is_admin
    root.closeSession()


def test_a_server_that_is_away_is_told(world: ServerWorld) -> None:
    with pytest.raises(OmeroUnavailableError):
        IceIdentity(world.settings(host="127.0.0.1", port=9)).user_of(str(uuid.uuid4()))
