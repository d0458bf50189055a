"""Host keys, keys, certificates, aliases and jump hosts against real servers."""

from __future__ import annotations

import getpass
import logging
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from biomero.adapters.ssh import SshConnection
from biomero.adapters.ssh.aliases import AliasBook
from biomero.errors import (
    AuthenticationFailedError,
    ConfigurationError,
    ConnectionFailedError,
    HostKeyError,
)
from services.sshd import Sshd, eventually, free_port, make_key

from .conftest import Connect, StartServer

pytestmark = pytest.mark.sshd


def test_everything_goes_over_one_login(sshd: Sshd, connect: Connect) -> None:
    before = sshd.logins()
    connection = connect(sshd)
    for _ in range(3):
        assert connection.run(("true",)).ok
    assert (connection.counts.logins, connection.counts.commands) == (1, 3)
    assert eventually(lambda: sshd.logins() - before == 1)


@pytest.mark.parametrize("checking", ["yes", "no", "accept-new"])
def test_a_host_with_an_unknown_key_is_refused(
    start_server: StartServer, connect: Connect, checking: str
) -> None:
    server = start_server()
    server.known_hosts.write_text("")
    server.client_config.write_text(server.client_entry("lab", f"StrictHostKeyChecking {checking}"))
    connection = connect(server)
    with pytest.raises(HostKeyError, match="unknown") as caught:
        connection.run(("true",))
    message = str(caught.value)
    assert str(server.known_hosts) in message
    assert f"ssh-keyscan -p {server.port} 127.0.0.1" in message
    assert "SHA256:" in message
    assert server.logins() == 0
    assert server.known_hosts.read_text() == ""


def test_a_host_whose_key_has_changed_is_refused_with_a_warning(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server()
    other = make_key(server.folder / "other_key")
    server.write_known_hosts(other.with_suffix(".pub"))
    server.client_config.write_text(server.client_entry("lab", "StrictHostKeyChecking no"))
    with pytest.raises(HostKeyError, match=r"WARNING.*attack.*ssh-keygen -R '\[127.0.0.1\]") as caught:
        connect(server).run(("true",))
    assert str(server.known_hosts) in str(caught.value)
    assert server.logins() == 0


def test_a_host_with_a_key_of_another_kind_is_refused_with_a_warning(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server()
    subprocess.run(
        ("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(server.folder / "ecdsa")), check=True
    )
    server.write_known_hosts(server.folder / "ecdsa.pub")
    with pytest.raises(HostKeyError, match="WARNING"):
        connect(server).run(("true",))


def test_hashed_known_hosts_are_understood(start_server: StartServer, connect: Connect) -> None:
    server = start_server()
    subprocess.run(("ssh-keygen", "-q", "-H", "-f", str(server.known_hosts)), check=True, capture_output=True)
    assert server.known_hosts.read_text().startswith("|1|")
    assert connect(server).run(("true",)).ok


def test_lines_of_known_hosts_that_are_not_valid_are_passed_over(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server()
    server.known_hosts.write_text(f"nonsense\n# comment\n{server.known_hosts.read_text()}@what x y\n")
    assert connect(server).run(("true",)).ok


def test_a_host_key_signed_by_a_known_authority_is_accepted(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server()
    authority = make_key(server.folder / "authority")
    subprocess.run(
        ("ssh-keygen", "-q", "-s", str(authority), "-I", "host", "-h", "-n", "127.0.0.1",
         str(server.host_key.with_suffix(".pub"))),
        check=True, capture_output=True,
    )  # fmt: skip
    server.stop()
    config = server.folder / "sshd_config"
    config.write_text(f"{config.read_text()}HostCertificate {server.host_key}-cert.pub\n")
    server.start()
    public = authority.with_suffix(".pub").read_text()
    server.known_hosts.write_text(f"@cert-authority [127.0.0.1]:{server.port} {public}")
    assert connect(server).run(("true",)).ok


def test_a_wrong_key_is_tried_three_times_at_most(start_server: StartServer, connect: Connect) -> None:
    server = start_server()
    wrong = make_key(server.folder / "wrong")
    server.client_config.write_text(server.client_entry("lab").replace(str(server.user_key), str(wrong)))
    connection = connect(server)
    for _ in range(3):
        with pytest.raises(AuthenticationFailedError, match=r"lab .*refused to let .*wrong"):
            connection.run(("true",))
    assert eventually(lambda: server.failed_logins() == 3)
    for _ in range(5):
        with pytest.raises(AuthenticationFailedError, match="no further login"):
            connection.run(("true",))
    assert server.failed_logins() == 3
    assert connection.counts.logins == 0


def test_no_key_at_all_is_told_without_asking_the_host(start_server: StartServer, connect: Connect) -> None:
    server = start_server()
    server.user_key.unlink()
    with pytest.raises(AuthenticationFailedError, match=r"no key.*user_key is not there"):
        connect(server).run(("true",))
    assert server.failed_logins() == 0


def test_a_key_with_a_passphrase_needs_an_agent(start_server: StartServer, connect: Connect) -> None:
    server = start_server()
    subprocess.run(
        ("ssh-keygen", "-q", "-p", "-P", "", "-N", "secret words", "-f", str(server.user_key)), check=True,
        capture_output=True,
    )  # fmt: skip
    with pytest.raises(AuthenticationFailedError, match=r"passphrase.*agent"):
        connect(server).run(("true",))


def test_an_agent_gives_the_key(start_server: StartServer, connect: Connect) -> None:
    server = start_server()
    agent_socket = server.folder / "agent"
    agent = subprocess.Popen(("ssh-agent", "-D", "-a", str(agent_socket)), stdout=subprocess.DEVNULL)
    try:
        assert eventually(agent_socket.exists)
        subprocess.run(
            ("ssh-add", "-q", str(server.user_key)), check=True, env={"SSH_AUTH_SOCK": str(agent_socket)}
        )
        server.user_key.unlink()
        entry = server.client_entry("lab").replace("IdentityAgent none", f"IdentityAgent {agent_socket}")
        server.client_config.write_text(entry)
        assert connect(server).run(("true",)).ok
    finally:
        agent.terminate()
        agent.wait()


def test_a_certificate_opens_the_door(start_server: StartServer, connect: Connect, tmp_path: Path) -> None:
    authority = make_key(tmp_path / "authority")
    server = start_server(f"TrustedUserCAKeys {authority}.pub")
    (server.folder / "authorized_keys").write_text("")
    subprocess.run(
        ("ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", getpass.getuser(),
         str(server.user_key.with_suffix(".pub"))),
        check=True, capture_output=True,
    )  # fmt: skip
    certificate = server.folder / "elsewhere.pub"
    shutil.move(f"{server.user_key}-cert.pub", certificate)
    with pytest.raises(AuthenticationFailedError):
        connect(server).run(("true",))
    server.client_config.write_text(server.client_entry("lab", f"CertificateFile {certificate}"))
    assert connect(server).run(("true",)).ok


def test_include_and_match_are_obeyed(start_server: StartServer, connect: Connect) -> None:
    server = start_server()
    included = server.folder / "included config"
    included.write_text(
        f'Match host 127.0.0.1 exec "test -e {server.folder}"\n  Port {server.port}\n'
        "Match originalhost other\n  Port 1\n"
    )
    rest = server.client_entry("lab").replace(f"Port {server.port}\n", "")
    server.client_config.write_text(f'{rest}Host *\n  Include "{included}"\n')
    assert connect(server).run(("true",)).ok


def test_an_alias_may_name_the_user(sshd: Sshd, connect: Connect) -> None:
    assert connect(sshd, f"{getpass.getuser()}@lab").run(("true",)).ok


@pytest.mark.parametrize("program", [shutil.which("ssh"), None])
def test_both_readers_find_the_same(sshd: Sshd, program: str | None) -> None:
    target = AliasBook(sshd.client_config, program=program).resolve("lab")
    assert (target.hostname, target.port, target.user) == ("127.0.0.1", sshd.port, getpass.getuser())
    assert target.identity_files == (sshd.user_key,)
    assert target.identities_only
    assert target.agent_socket == ""
    assert sshd.known_hosts in target.known_hosts_files


@pytest.mark.parametrize("program", [shutil.which("ssh"), None])
def test_an_alias_that_leads_nowhere_is_named_with_its_file(sshd: Sshd, program: str | None) -> None:
    book = AliasBook(sshd.client_config, program=program)
    with pytest.raises(ConfigurationError, match="no-such-alias") as caught:
        book.resolve("no-such-alias")
    assert str(sshd.client_config) in str(caught.value)


def test_an_alias_whose_address_cannot_be_looked_up_may_be_tried_later(
    start_server: StartServer, connect: Connect
) -> None:
    server = start_server()
    server.client_config.write_text("Host lab\n  HostName no-such-host.invalid\n")
    with pytest.raises(ConnectionFailedError, match=r"no-such-host\.invalid.*lab"):
        connect(server, connect_attempts=1).connect()


@pytest.mark.parametrize("alias", ["", "-oProxyCommand=touch pwned", "a b", "a\nb"])
def test_what_is_no_name_of_a_host_is_refused(sshd: Sshd, connect: Connect, alias: str) -> None:
    with pytest.raises(ConfigurationError, match="no name of a host"):
        connect(sshd, alias).connect()


def test_a_configuration_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    missing = SshConnection("lab", ssh_config=tmp_path / "nowhere")
    with missing, pytest.raises(ConfigurationError, match=r"nowhere.*lab"):
        missing.connect()
    (tmp_path / "broken").write_text("Host lab\n  Prot 22\n")
    broken = SshConnection("lab", ssh_config=tmp_path / "broken")
    with broken, pytest.raises(ConfigurationError, match=r"broken.*(?s:.*)prot"):
        broken.connect()


def test_a_jump_host_is_passed_through(start_server: StartServer, connect: Connect) -> None:
    gate, inner = start_server(name="gate"), start_server(name="inner")
    inner.client_config.write_text(gate.client_entry("gate") + inner.client_entry("lab", "ProxyJump gate"))
    connection = connect(inner)
    assert connection.run(("printf", "%s", "through")).stdout == "through"
    assert eventually(lambda: (gate.logins(), inner.logins()) == (1, 1))
    assert connection.counts.logins == 1


def test_several_jump_hosts_are_passed_in_turn(start_server: StartServer, connect: Connect) -> None:
    servers = [start_server(name=name) for name in ("one", "two", "three")]
    user = getpass.getuser()
    servers[2].client_config.write_text(
        servers[0].client_entry("one")
        + servers[1].client_entry("two")
        + servers[2].client_entry("lab", f"ProxyJump {user}@one,ssh://two:{servers[1].port}")
    )
    assert connect(servers[2]).run(("true",)).ok
    assert eventually(lambda: [server.logins() for server in servers] == [1, 1, 1])


def test_the_key_of_a_jump_host_is_checked_too(start_server: StartServer, connect: Connect) -> None:
    gate, inner = start_server(name="gate"), start_server(name="inner")
    gate.known_hosts.write_text("")
    inner.client_config.write_text(gate.client_entry("gate") + inner.client_entry("lab", "ProxyJump gate"))
    with pytest.raises(HostKeyError, match="gate"):
        connect(inner).run(("true",))
    assert (gate.logins(), inner.logins()) == (0, 0)


def test_jump_hosts_in_a_circle_are_refused(sshd: Sshd, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(sshd.client_entry("a", "ProxyJump b") + sshd.client_entry("b", "ProxyJump a"))
    with (
        SshConnection("a", ssh_config=config) as connection,
        pytest.raises(ConfigurationError, match="circle"),
    ):
        connection.connect()


def test_a_proxy_command_is_run(start_server: StartServer, connect: Connect) -> None:
    server = start_server()
    relay = (
        "python3 -c \"import os,socket,sys,threading; s=socket.create_connection(('%h',%p)); "
        "threading.Thread(target=lambda:[s.sendall(b) for b in iter(lambda:os.read(0,65536),b'')],"
        "daemon=True).start(); [os.write(1,b) for b in iter(lambda:s.recv(65536),b'')]\""
    )
    server.client_config.write_text(server.client_entry("lab", f"ProxyCommand {relay}"))
    assert connect(server).run(("true",)).ok


def test_a_closed_port_is_tried_again_and_then_told(sshd: Sshd, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(sshd.client_entry("lab").replace(str(sshd.port), str(free_port())))
    with SshConnection("lab", ssh_config=config, retry_pause_s=0.05) as connection:
        with pytest.raises(ConnectionFailedError, match="no connection to lab"):
            connection.run(("true",))
        with pytest.raises(ConnectionFailedError, match="next login is tried in"):
            connection.run(("true",))


def test_a_host_that_says_nothing_is_given_up(sshd: Sshd, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = tmp_path / "config"
        config.write_text(sshd.client_entry("lab").replace(str(sshd.port), str(silent.getsockname()[1])))
        with (
            SshConnection("lab", ssh_config=config, connect_timeout_s=0.5, connect_attempts=1) as connection,
            pytest.raises(ConnectionFailedError, match="did not answer"),
        ):
            connection.connect()


def test_no_log_holds_values_of_variables(
    sshd: Sshd, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connection = connect(sshd)
    connection.run(("printenv", "TOKEN"), env={"TOKEN": "s3cret-value"}, stdin=b"s3cret-value")
    assert "printenv" in caplog.text
    assert "s3cret-value" not in caplog.text
