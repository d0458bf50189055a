"""Whose a session is: it is asked for by joining it, and goes on as before."""

from __future__ import annotations

import uuid

import pytest

from biomero.adapters.omero import OmeroSessions
from biomero.adapters.omero.session import open_session
from biomero.errors import OmeroLoginError, OmeroUnavailableError
from services.omero_server import PASSWORD
from services.omero_world import ServerWorld

from .conftest import Lab

pytestmark = pytest.mark.omero


def test_the_owner_of_a_session_is_told_and_the_session_goes_on(world: ServerWorld, lab: Lab) -> None:
    identity = OmeroSessions(world.settings())
    with open_session(world.settings(), lab.alice.name) as session:
        number = session.factory.getAdminService().getEventContext().sessionUuid
        for _ in range(2):
            found = identity.user_of(number)
            assert (found.id, found.name, found.is_admin) == (lab.alice.id, lab.alice.name, False)
        assert session.factory.getAdminService().getEventContext().userName == lab.alice.name
    with pytest.raises(OmeroLoginError, match="log in again"):
        identity.user_of(number)


def test_names_and_passwords_are_no_sessions(world: ServerWorld, lab: Lab) -> None:
    identity = OmeroSessions(world.settings())
    for word in (lab.alice.name, PASSWORD, "root", "", str(uuid.uuid4())):
        with pytest.raises(OmeroLoginError) as caught:
            identity.user_of(word)
        assert not word or word not in str(caught.value)


def test_a_server_that_is_away_is_told(world: ServerWorld) -> None:
    identity = OmeroSessions(world.settings(host="127.0.0.1", port=9))
    with pytest.raises(OmeroUnavailableError):
        identity.user_of(str(uuid.uuid4()))
