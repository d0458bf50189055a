"""When a login may be tried again."""

from __future__ import annotations

import pytest

from biomero.adapters.ssh.attempts import LoginAttempts
from biomero.errors import AuthenticationFailedError, ConnectionFailedError


def test_after_three_refusals_no_more_is_sent() -> None:
    attempts = LoginAttempts()
    for _ in range(3):
        attempts.check()
        attempts.note_refused(AuthenticationFailedError("wrong key"))
    with pytest.raises(AuthenticationFailedError, match=r"no further login.*wrong key"):
        attempts.check()


def test_a_login_that_works_forgets_the_refusals_before_it() -> None:
    attempts = LoginAttempts()
    attempts.note_refused(AuthenticationFailedError("wrong key"))
    attempts.note_success()
    for _ in range(2):
        attempts.note_refused(AuthenticationFailedError("wrong key"))
    attempts.check()


def test_pauses_grow_up_to_a_minute() -> None:
    attempts = LoginAttempts()
    pauses = [attempts.note_unreachable(ConnectionFailedError("away")) for _ in range(12)]
    assert 0.5 <= pauses[0] <= 1
    assert pauses[0] < pauses[2] < pauses[4]
    assert max(pauses) <= 60


def test_while_a_pause_lasts_callers_are_sent_away() -> None:
    attempts = LoginAttempts()
    attempts.note_unreachable(ConnectionFailedError("away"))
    attempts.pause()
    with pytest.raises(ConnectionFailedError, match="away; the next login"):
        attempts.check()
