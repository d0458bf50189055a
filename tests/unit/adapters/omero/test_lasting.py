"""Sessions that are lost while something is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from biomero.adapters.omero.lasting import LastingSession
from biomero.adapters.omero.session import OmeroSession
from biomero.domain.omero import OmeroUser
from biomero.errors import (
    OmeroError,
    OmeroLoginError,
    OmeroPermissionError,
    OmeroSessionError,
    OmeroUnavailableError,
)


class HandClock:
    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=sum(self.slept))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Door:
    """Lets in, as long as there are no errors to raise."""

    def __init__(self, *errors: OmeroError) -> None:
        self.errors = list(errors)
        self.opened = self.closed = 0

    @contextmanager
    def open(self) -> Iterator[OmeroSession]:
        if self.errors:
            raise self.errors.pop(0)
        self.opened += 1
        user = OmeroUser(id=2, name="alice")
        yield OmeroSession(
            user=user, group_id=3, member_of=frozenset({3}), is_admin=False, factory=self.opened
        )
        self.closed += 1


def test_a_session_that_is_lost_is_made_anew_and_the_question_asked_again() -> None:
    door, clock = Door(), HandClock()

    def question(session: OmeroSession) -> int:
        if session.factory == 1:
            raise OmeroSessionError("gone")
        return int(session.factory)

    with LastingSession(door.open, clock) as session:
        assert session.ask(question) == 2
        assert (door.opened, door.closed) == (2, 1)
        assert session.ask(question) == 2
    assert (door.opened, door.closed) == (2, 2)


def test_a_server_that_starts_again_is_waited_for() -> None:
    door, clock = Door(), HandClock()
    with LastingSession(door.open, clock) as session:
        door.errors = [
            OmeroUnavailableError("refused"),
            OmeroLoginError("no verifier"),
            OmeroSessionError("x"),
        ]

        def question(now: OmeroSession) -> int:
            if now.factory == 1:
                raise OmeroUnavailableError("lost")
            return int(now.factory)

        assert session.ask(question) == 2
    assert clock.slept == [0.5, 1, 2, 4]


def test_it_is_given_up_after_minutes() -> None:
    door, clock = Door(), HandClock()
    with LastingSession(door.open, clock, patience_s=120) as session:

        def question(_: OmeroSession) -> int:
            raise OmeroSessionError("lost")

        with pytest.raises(OmeroUnavailableError, match="lost, also after waiting"):
            session.ask(question)
    assert 120 <= sum(clock.slept) <= 140
    assert door.opened == door.closed


def test_what_will_not_pass_is_not_asked_again() -> None:
    door, clock = Door(), HandClock()
    with LastingSession(door.open, clock) as session:

        def question(_: OmeroSession) -> int:
            raise OmeroPermissionError("no")

        with pytest.raises(OmeroPermissionError):
            session.ask(question)
    assert clock.slept == []


@pytest.mark.parametrize("error", [OmeroUnavailableError("down"), OmeroLoginError("who?")])
def test_the_first_login_waits_for_nobody(error: OmeroError) -> None:
    clock = HandClock()
    with pytest.raises(type(error)), LastingSession(Door(error).open, clock):
        pass
    assert clock.slept == []
