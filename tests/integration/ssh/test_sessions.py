"""Channels, lost connections and time limits against a real server."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from biomero.adapters.ssh import SshConnection, SshShell
from biomero.errors import ConnectionFailedError, RemoteCommandError, RemoteTimeoutError
from services.sshd import Sshd, eventually

from .conftest import Connect, StartServer

pytestmark = pytest.mark.sshd


def test_a_channel_that_the_server_refuses_is_tried_again(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server("MaxSessions 2")
    connection = connect(server)
    with ThreadPoolExecutor(6) as pool:
        ended = list(pool.map(lambda _: connection.run(("sleep", "0.3")).exit_status, range(12)))
    assert ended == [0] * 12
    assert connection.refused_channels > 0
    assert connection.counts.logins == 1
    assert eventually(lambda: server.logins() == 1)


def test_no_more_channels_are_open_than_allowed(start_server: StartServer, connect: Connect) -> None:
    server = start_server("MaxSessions 3")
    connection = connect(server, max_channels=2)
    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(lambda _: connection.run(("sleep", "0.05")).exit_status, range(16)))
    assert ended == [0] * 16
    assert connection.refused_channels == 0


def test_many_threads_at_once_make_one_login(start_server: StartServer, connect: Connect) -> None:
    server = start_server()
    connection = connect(server)
    with ThreadPoolExecutor(10) as pool:
        assert all(pool.map(lambda _: connection.run(("true",)).ok, range(20)))
    assert connection.counts.logins == 1
    assert eventually(lambda: server.logins() == 1)


def test_after_a_restart_of_the_server_the_next_command_works(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server()
    connection = connect(server)
    assert connection.run(("true",)).ok
    server.stop()
    server.start()
    assert connection.run(("true",)).ok
    assert connection.counts.logins == 2


def test_a_command_during_which_the_connection_is_lost_is_an_error(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server()
    connection = connect(server)
    connection.connect()
    cut = threading.Timer(0.7, server.drop_connections)
    cut.start()
    with pytest.raises(ConnectionFailedError, match="lost"):
        connection.run(("sleep", "60"))
    cut.join()
    assert connection.run(("true",)).ok


def test_a_server_that_is_away_for_a_while_is_reached_when_it_is_back(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server()
    connection = connect(server, connect_attempts=6, retry_pause_s=0.2)
    assert connection.run(("true",)).ok
    server.stop()
    back = threading.Timer(0.6, server.start)
    back.start()
    assert connection.run(("true",)).ok
    back.join()


def test_a_command_that_takes_too_long_frees_its_channel(sshd: Sshd, connect: Connect) -> None:
    connection = connect(sshd, max_channels=1)
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(RemoteTimeoutError, match=r"sleep.*lab"):
            connection.run(("sleep", "30"), timeout_s=0.4)
        assert time.monotonic() - began < 10
    assert connection.run(("true",)).ok


def test_what_start_up_files_print_is_not_taken_for_output(
    start_server: StartServer, connect: Connect
) -> None:
    noise = 'echo Welcome; echo careful >&2; eval "$SSH_ORIGINAL_COMMAND"'
    server = start_server(f"ForceCommand sh -c '{noise}'")
    result = connect(server).run(("sh", "-c", "echo out; echo err >&2"))
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_an_account_that_may_run_nothing_says_why(start_server: StartServer, connect: Connect) -> None:
    server = start_server("ForceCommand echo This account is closed.; exit 1")
    result = connect(server).run(("true",))
    assert (result.exit_status, result.stdout) == (1, "This account is closed.\n")


def test_a_login_that_ends_well_without_our_command_is_no_success(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server("ForceCommand echo nothing to see here")
    with pytest.raises(RemoteCommandError, match="without running our command"):
        connect(server).run(("squeue", "--me"))


def test_a_command_ended_by_a_signal_has_a_status_as_in_a_shell(sshd: Sshd, connect: Connect) -> None:
    assert connect(sshd).run(("sh", "-c", "kill -9 $$")).exit_status == 137


def test_closing_ends_the_session_and_its_thread(sshd: Sshd) -> None:
    before = set(threading.enumerate())  # other tests may have connections of their own
    connection = SshConnection("lab", ssh_config=sshd.client_config)
    shell = SshShell(connection)
    assert shell.run(("true",)).ok
    assert set(threading.enumerate()) > before
    shell.close()
    assert set(threading.enumerate()) <= before
    shell.close()
