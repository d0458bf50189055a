"""Whose a session is, asked of the test server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from biomero.adapters.omero.identity import IceIdentity
from biomero.adapters.omero.login import new_client, session_for
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


def user_of(world: ServerWorld, name: str, password: str = PASSWORD) -> OmeroUser:
    """Return who a worker takes somebody for who has just logged in."""
    client = new_client(world.settings(), "the test server")
    try:
        client.createSession(name, password)
        return IceIdentity(world.settings()).user_of(client.getSessionId())
    finally:
        client.closeSession()


ALL_BUT_READ_SESSION = [
    "Chgrp",
    "Chown",
    "DeleteFile",
    "DeleteManagedRepo",
    "DeleteOwned",
    "DeleteScriptRepo",
    "ModifyGroup",
    "ModifyGroupMembership",
    "ModifyUser",
    "Sudo",
    "WriteFile",
    "WriteManagedRepo",
    "WriteOwned",
    "WriteScriptRepo",
]


@pytest.mark.parametrize(
    ("privileges", "is_admin"),
    [
        pytest.param(None, True, id="full"),
        pytest.param([*ALL_BUT_READ_SESSION, "ReadSession"], True, id="all, one by one"),
        pytest.param([], False, id="none"),
        pytest.param(["Sudo"], False, id="Sudo"),
        pytest.param(["WriteOwned", "DeleteOwned", "WriteScriptRepo"], False, id="without Sudo"),
        pytest.param(ALL_BUT_READ_SESSION, False, id="all that OMERO.web gives to restricted ones"),
    ],
)
def test_only_administrators_without_restrictions_count_as_such(
    world: ServerWorld,
    privileges: list[str] | None,
    is_admin: bool,  # noqa: FBT001 - a column of a table
) -> None:
    name = f"admin-{world.mark}"
    world.server.add_user(name, is_admin=True, privileges=privileges)
    assert user_of(world, name).is_admin is is_admin


def test_owners_of_groups_are_no_administrators(world: ServerWorld) -> None:
    group = world.group("lab", GroupAccess.READ_ANNOTATE)
    world.server.add_user(f"leader-{world.mark}", [group.name], leads=[group.name])
    assert not user_of(world, f"leader-{world.mark}").is_admin


def test_who_acts_for_an_administrator_by_sudo_alone_is_none(world: ServerWorld) -> None:
    session = session_for(world.settings(), "root", "the test server")
    assert not user_of(world, session, session).is_admin


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
