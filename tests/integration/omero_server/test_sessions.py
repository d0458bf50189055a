"""Sessions at the test server: for oneself, for others, and their ends."""

from __future__ import annotations

import pytest

from services.omero_callers import Callers, RefusedError, callers_of
from services.omero_server import OmeroServer
from services.processes import wait_until


@pytest.fixture(scope="module", autouse=True)
def _people(omero_server: OmeroServer) -> None:
    omero_server.add_group("lab", "rwra--")
    omero_server.add_group("other", "rwr---")
    omero_server.add_user("alice", ["lab", "other"])
    omero_server.add_user("bob", ["lab"])
    omero_server.add_user("leader", ["lab"], leads=["lab"])
    omero_server.add_user("sudoer", ["lab"], is_admin=True, privileges=["Sudo"])
    omero_server.add_user("reader", ["lab"], is_admin=True, privileges=["ReadSession"])
    omero_server.add_user("writer", ["other"], is_admin=True, privileges=["WriteOwned"])


def _group(server: OmeroServer, name: str) -> int:
    return next(int(row["id"]) for row in server.rows("ExperimenterGroup") if row["name"] == name)


def test_a_wrong_password_is_refused(callers: Callers) -> None:
    with pytest.raises(RefusedError, match="PermissionDenied"):
        callers.log_in("alice", "wrong")


def test_nobody_logs_in_with_a_session_that_is_not_there(callers: Callers) -> None:
    with pytest.raises(RefusedError, match="PermissionDenied"):
        callers.join("11111111-2222-3333-4444-555555555555")


def test_a_session_is_joined_by_its_name(callers: Callers) -> None:
    uuid = callers.log_in("alice").context()["uuid"]
    joined = callers.join(uuid).context()
    assert (joined["uuid"], joined["user"]) == (uuid, "alice")


def test_a_session_begins_in_the_first_group_and_changes(omero_server: OmeroServer, callers: Callers) -> None:
    alice = callers.log_in("alice")
    assert alice.context()["group"] == _group(omero_server, "lab")
    alice.switch_group(_group(omero_server, "other"))
    assert alice.context()["group"] == _group(omero_server, "other")
    bob = callers.log_in("bob")
    with pytest.raises(RefusedError, match="SecurityViolation"):
        bob.switch_group(_group(omero_server, "other"))


def test_calls_in_groups_of_others_are_refused(omero_server: OmeroServer, callers: Callers) -> None:
    bob = callers.log_in("bob", group=_group(omero_server, "other"))
    with pytest.raises(RefusedError, match="SecurityViolation"):
        bob.context()


@pytest.mark.parametrize("who", ["root", "sudoer"])
def test_who_has_the_privilege_becomes_another(callers: Callers, who: str) -> None:
    session = callers.log_in(who).su("alice", "lab")
    said = callers.join(session).context()
    assert (said["user"], said["sudoer"], said["is_admin"]) == ("alice", who, False)


@pytest.mark.parametrize("who", ["bob", "reader", "writer"])
def test_who_has_not_the_privilege_does_not(callers: Callers, who: str) -> None:
    with pytest.raises(RefusedError, match="SecurityViolation"):
        callers.log_in(who).su("alice", "lab")


def test_a_restricted_administrator_gains_nothing_as_root(callers: Callers) -> None:
    session = callers.log_in("sudoer").su("root", "system")
    assert callers.join(session).context()["privileges"] == ["Sudo"]


def test_a_leader_becomes_members_in_that_group_only(omero_server: OmeroServer, callers: Callers) -> None:
    leader = callers.log_in("leader")
    session = callers.join(leader.su("alice", "lab"))
    assert session.context()["user"] == "alice"
    session.use_group(_group(omero_server, "other"))
    with pytest.raises(RefusedError, match="Group-sudo session cannot change context"):
        session.context()
    with pytest.raises(RefusedError, match="SecurityViolation"):
        leader.su("alice", "other")


def test_sessions_for_who_is_not_there_are_refused(callers: Callers) -> None:
    with pytest.raises(RefusedError, match="AuthenticationException"):
        callers.log_in("root").su("nobody-of-that-name", "lab")


def test_anybody_opens_another_session_of_their_own(callers: Callers) -> None:
    alice = callers.log_in("alice")
    own = alice.own_session()
    alice.leave()
    assert callers.join(own).context()["user"] == "alice"


def test_a_restricted_administrator_changes_others_data_with_the_privilege(
    omero_server: OmeroServer, callers: Callers
) -> None:
    group = _group(omero_server, "lab")
    dataset = callers.log_in("alice", group=group).create("Dataset", "of alice")
    writer = callers.log_in("writer", group=group)
    assert writer.get("Dataset", dataset)["edit"]
    writer.rename("Dataset", dataset, "renamed")


def test_a_restricted_administrator_sees_others_data_without_it(
    omero_server: OmeroServer, callers: Callers
) -> None:
    group = _group(omero_server, "other")
    dataset = callers.log_in("alice", group=group).create("Dataset", "of alice")
    reader = callers.log_in("reader", group=group)
    assert not reader.get("Dataset", dataset)["edit"]
    with pytest.raises(RefusedError, match="SecurityViolation"):
        reader.rename("Dataset", dataset, "renamed")


@pytest.mark.parametrize("who", ["alice", "sudoer"])
def test_groups_and_system_types_are_made_by_administrators_with_the_privilege(
    callers: Callers, who: str
) -> None:
    caller = callers.log_in(who)
    with pytest.raises(RefusedError, match="SecurityViolation"):
        caller.create_group(f"made by {who}")
    with pytest.raises(RefusedError, match="SecurityViolation"):
        caller.create("ExperimenterGroup", f"made by {who}")


def test_a_killed_session_answers_no_more(omero_server: OmeroServer, callers: Callers) -> None:
    bob = callers.log_in("bob")
    assert omero_server.kill_sessions("bob") >= 1
    with pytest.raises(RefusedError, match="ObjectNotExist"):
        bob.context()


def test_a_session_ends_when_nobody_uses_it(omero_server: OmeroServer, callers: Callers) -> None:
    uuid = callers.join(callers.log_in("root").su("bob", "lab", live_ms=300)).context
    with pytest.raises(RefusedError, match=r"SessionTimeout|RemovedSession|ObjectNotExist"):
        wait_until(lambda: not uuid(), "the session ends", timeout_s=10)
    omero_server.ask("set_idle_time", seconds=0.2)
    try:
        bob = callers.log_in("bob")
    finally:
        omero_server.ask("set_idle_time", seconds=600)
    wait_until(lambda: not omero_server.ask("open_sessions", user="bob"), "it is idle", timeout_s=10)
    with pytest.raises(RefusedError, match="SessionTimeout"):
        bob.context()


def test_calls_fail_and_are_slow_as_a_test_wants(omero_server: OmeroServer, callers: Callers) -> None:
    alice = callers.log_in("alice")
    before = omero_server.calls("IAdmin.getEventContext")
    omero_server.fail("IAdmin.getEventContext", "DatabaseBusyException")
    omero_server.slow("IAdmin.getEventContext", 0.01)
    with pytest.raises(RefusedError, match="DatabaseBusyException"):
        alice.context()
    assert alice.context()["user"] == "alice"
    assert omero_server.calls("IAdmin.getEventContext") == before + 2


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("what", ["fail", "cut", "die"])
def test_an_answer_may_be_lost_of_what_was_done(
    omero_server: OmeroServer, callers: Callers, what: str, *, after: bool
) -> None:
    alice = callers.log_in("alice")
    name = f"{what} {after}"
    getattr(omero_server, what)("IUpdate.saveAndReturnObject", after=after)
    with pytest.raises(RefusedError, match=r"InternalException|Connection|UnknownLocal"):
        alice.create("Dataset", name)
    if what == "die":
        omero_server.restart()
    made = [row["name"] for row in omero_server.rows("Dataset")]
    assert made.count(name) == (1 if after else 0)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_objects_outlive_the_server_and_sessions_do_not(
    omero_server: OmeroServer, callers: Callers, end: str
) -> None:
    alice = callers.log_in("alice")
    dataset = alice.create("Dataset", f"before {end}")
    getattr(omero_server, end)()
    omero_server.start()
    with callers_of(omero_server) as others:
        assert others.log_in("alice").get("Dataset", dataset)["name"] == f"before {end}"
    with pytest.raises(RefusedError, match=r"ObjectNotExist|Connection"):
        alice.context()
