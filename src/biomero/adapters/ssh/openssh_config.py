"""OpenSSH's own reading of its client configuration: ``ssh -G alias``, said and read."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from hashlib import sha1
from pathlib import Path

from biomero.adapters.ssh.target import SshTarget

Options = dict[str, list[str]]


def show_options(alias: str, *, config_file: Path | None, user: str = "", port: str = "") -> tuple[str, ...]:
    """Return the command that prints every option which holds for a host."""
    return (
        "ssh",
        "-G",
        *(("-F", str(config_file)) if config_file else ()),
        *(("-l", user) if user else ()),
        *(("-p", port) if port else ()),
        "--",
        alias,
    )


def parse_options(stdout: str) -> Options:
    """Read ``ssh -G``'s answer: for each option in small letters, its values.

    A line holds one option; what may be given several times has several lines.
    """
    options: Options = {}
    for line in stdout.splitlines():
        name, _, value = line.partition(" ")
        options.setdefault(name.lower(), []).append(value)
    return options


def target_from(alias: str, options: Options, *, config_file: Path, home: Path) -> SshTarget:
    """Return where the alias leads, by what OpenSSH says.

    OpenSSH has then already resolved ``Host``, ``Match`` and ``Include``; tokens such as ``%d`` and ``~`` in
    names of files it leaves to the program that opens them.
    """

    def one(name: str, default: str = "") -> str:
        value = options.get(name, [default])[0]
        return default if value.lower() == "none" else value

    def names(name: str) -> tuple[str, ...]:
        return tuple(part for part in one(name).split(",") if part)

    def files(values: list[str]) -> tuple[Path, ...]:
        return tuple(Path(expand(value, tokens, home=home)) for value in values if value.lower() != "none")

    tokens = tokens_of(alias, one("hostname", alias), one("port", "22"), one("user"), home=home)
    tokens["j"] = one("proxyjump")
    tokens["k"] = one("hostkeyalias", alias)
    known_hosts = [
        file
        for name in ("userknownhostsfile", "globalknownhostsfile")
        for file in split_files(one(name), tokens, home=home)
    ]
    return SshTarget(
        alias=alias,
        hostname=one("hostname", alias),
        user=one("user"),
        port=int(one("port", "22")),
        config_file=config_file,
        identity_files=files(options.get("identityfile", [])),
        certificate_files=files(options.get("certificatefile", [])),
        identities_only=one("identitiesonly") == "yes",
        agent_socket=agent_socket(options.get("identityagent", ["SSH_AUTH_SOCK"])[0], tokens, home=home),
        known_hosts_files=tuple(known_hosts),
        host_key_alias=one("hostkeyalias"),
        proxy_jump=names("proxyjump"),
        proxy_command=expand_tokens(one("proxycommand"), tokens),
        connect_timeout_s=_seconds(one("connecttimeout")),
        keepalive_s=_seconds(one("serveraliveinterval")),
        compression=one("compression") == "yes",
        gssapi=one("gssapiauthentication") == "yes",
        address_family=one("addressfamily", "any"),
        bind_address=one("bindaddress"),
        ciphers=names("ciphers"),
        key_exchanges=names("kexalgorithms"),
        macs=names("macs"),
        host_key_algorithms=names("hostkeyalgorithms"),
    )


def tokens_of(alias: str, hostname: str, port: str, user: str, *, home: Path) -> dict[str, str]:
    """Return what the ``%`` tokens of ``ssh_config(5)`` stand for."""
    here = socket.gethostname()
    connection = sha1(f"{here}{hostname}{port}{user}".encode(), usedforsecurity=False).hexdigest()
    return {
        "%": "%",
        "C": connection,
        "d": str(home),
        "h": hostname,
        "i": str(os.getuid()),
        "L": here.partition(".")[0],
        "l": here,
        "n": alias,
        "p": port,
        "r": user,
        "u": os.environ.get("USER", home.name),
    }


def expand_tokens(text: str, tokens: Mapping[str, str]) -> str:
    """Replace ``%`` tokens; one that is unknown stays as it is."""
    return re.sub(r"%(.)", lambda match: tokens.get(match[1], match[0]), text)


def expand(text: str, tokens: Mapping[str, str], *, home: Path) -> str:
    """Replace ``~``, ``${VARIABLE}`` and ``%`` tokens in the name of a file."""
    if text == "~" or text.startswith("~/"):
        text = f"{home}{text[1:]}"
    elif text.startswith("~"):
        text = os.path.expanduser(text)  # noqa: PTH111 - another account's home folder
    text = re.sub(r"\$\{(\w+)\}", lambda match: os.environ.get(match[1], match[0]), text)
    return expand_tokens(text, tokens)


def split_files(text: str, tokens: Mapping[str, str], *, home: Path) -> list[Path]:
    """Return the files of an option that names several.

    ``ssh -G`` prints them with spaces between and without the quotes that a name with spaces had, so the
    longest run of words that is a file is taken for one.
    """
    words = text.split(" ")
    found: list[Path] = []
    while words:
        for end in range(len(words), 0, -1):
            file = Path(expand(" ".join(words[:end]), tokens, home=home))
            if end == 1 or file.is_file():
                found.append(file)
                del words[:end]
                break
    return [file for file in found if str(file) not in {"", "."}]


def agent_socket(value: str, tokens: Mapping[str, str], *, home: Path) -> str:
    """Return the socket of the agent: ``IdentityAgent`` is a file, the name of a variable, or ``none``."""
    if value.lower() == "none":
        return ""
    if value == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK", "")
    if value.startswith("$") and not value.startswith("${"):
        return os.environ.get(value[1:], "")
    return expand(value, tokens, home=home)


def _seconds(text: str) -> float | None:
    return float(text) if text.isdigit() and int(text) else None
