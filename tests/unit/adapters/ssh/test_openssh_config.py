"""What ``ssh -G`` says, read from text that a real OpenSSH 9.2 printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomero.adapters.ssh.login import parse_jump
from biomero.adapters.ssh.openssh_config import parse_options, show_options, target_from
from biomero.errors import ConfigurationError

PRINTED = """\
host lab
user ana
hostname login.example.org
port 2222
addressfamily any
compression no
gssapiauthentication no
identitiesonly yes
stricthostkeychecking false
serveraliveinterval 0
ciphers chacha20-poly1305@openssh.com,aes128-gcm@openssh.com
identityfile ~/x y
identityfile ~/keys/%h-%r
identityagent none
certificatefile ~/c-cert.pub
globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2
userknownhostsfile {folder}/kn own /nowhere/b
connecttimeout none
proxyjump bo@gate:22,inner
"""


def test_options_become_a_target(tmp_path: Path) -> None:
    (tmp_path / "kn own").write_text("")
    options = parse_options(PRINTED.format(folder=tmp_path))
    target = target_from("lab", options, config_file=Path("/c"), home=Path("/home/ana"))
    assert (target.hostname, target.port, target.user) == ("login.example.org", 2222, "ana")
    assert target.identity_files == (Path("/home/ana/x y"), Path("/home/ana/keys/login.example.org-ana"))
    assert target.certificate_files == (Path("/home/ana/c-cert.pub"),)
    assert target.identities_only
    assert target.agent_socket == ""
    assert target.known_hosts_files == (
        tmp_path / "kn own",
        Path("/nowhere/b"),
        Path("/etc/ssh/ssh_known_hosts"),
        Path("/etc/ssh/ssh_known_hosts2"),
    )
    assert target.proxy_jump == ("bo@gate:22", "inner")
    assert target.keepalive_s is None
    assert target.connect_timeout_s is None
    assert target.known_as == "[login.example.org]:2222"
    assert target.address == "lab (login.example.org:2222)"


def test_no_file_of_known_hosts_means_no_key_is_known() -> None:
    options = parse_options("hostname h\nuserknownhostsfile none\nglobalknownhostsfile none\n")
    assert target_from("h", options, config_file=Path("/c"), home=Path("/h")).known_hosts_files == ()


def test_an_alias_is_never_taken_for_an_option() -> None:
    assert show_options("-oProxyCommand=x", config_file=None)[-2:] == ("--", "-oProxyCommand=x")


@pytest.mark.parametrize(
    ("text", "jump"),
    [
        ("gate", ("", "gate", "")),
        ("ana@gate:22", ("ana", "gate", "22")),
        ("ssh://ana@gate:22/", ("ana", "gate", "22")),
        ("[::1]:22", ("", "::1", "22")),
        ("ana@corp@gate", ("ana@corp", "gate", "")),
    ],
)
def test_jump_hosts_are_read_as_openssh_reads_them(text: str, jump: tuple[str, str, str]) -> None:
    assert parse_jump(text) == jump


def test_a_jump_host_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        parse_jump("gate:x")
