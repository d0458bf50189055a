"""Finding out where an alias of OpenSSH's client configuration leads."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import asyncssh

from biomero.adapters.ssh.openssh_config import (
    agent_socket,
    expand,
    parse_options,
    show_options,
    target_from,
    tokens_of,
)
from biomero.adapters.ssh.target import SshTarget
from biomero.errors import ConfigurationError, ConnectionFailedError

RESOLVE_TIMEOUT_S = 30.0
DEFAULT_KEYS = ("~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519")


class AliasBook:
    """Resolves aliases as OpenSSH does: by OpenSSH itself where it is, else by AsyncSSH's reader.

    Parameters
    ----------
    config_file
        Read instead of ``~/.ssh/config`` and the system's file, as ``ssh -F`` does.
    program
        Where OpenSSH's client is; None for nowhere.
    """

    def __init__(self, config_file: Path | None = None, *, program: str | None = None) -> None:
        self._config_file = config_file
        self._program = program

    @classmethod
    def of_this_machine(cls, config_file: Path | None) -> AliasBook:
        """Use OpenSSH if it is on the PATH and this account is one that it knows."""
        try:
            pwd.getpwuid(os.getuid())
        except KeyError:  # a container under a foreign number: OpenSSH refuses to start
            return cls(config_file)
        return cls(config_file, program=shutil.which("ssh"))

    @property
    def file(self) -> Path:
        """The file that a person would look into."""
        return self._config_file or _home() / ".ssh" / "config"

    def resolve(
        self, alias: str, *, user: str = "", port: str = "", reached_directly: bool = True
    ) -> SshTarget:
        """Return where the alias leads, with all its options.

        Raises
        ------
        ConfigurationError
            If the alias leads nowhere: no entry gives it an address, and it is no name or number of a host.
            If the file is missing or not valid.
        ConnectionFailedError
            If the address cannot be looked up now.
        """
        if not alias or alias.startswith("-") or "\0" in alias or any(letter.isspace() for letter in alias):
            raise ConfigurationError(f"{alias!r} is no name of a host")
        if self._config_file is not None and not self._config_file.is_file():
            raise ConfigurationError(
                f"there is no SSH configuration {self._config_file}, needed for {alias!r}"
            )
        if self._program:
            target = self._by_openssh(alias, user, port)
        else:
            target = self._by_asyncssh(alias, user, port)
        if reached_directly and not target.proxy_jump and not target.proxy_command:
            self._look_up(target)
        return target

    def _by_openssh(self, alias: str, user: str, port: str) -> SshTarget:
        argv = show_options(alias, config_file=self._config_file, user=user, port=port)
        try:
            shown = subprocess.run(
                argv,
                executable=self._program,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="surrogateescape",
                check=False,
                timeout=RESOLVE_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as exc:
            raise ConfigurationError(
                f"{self.file}: `ssh -G {alias}` did not end within {RESOLVE_TIMEOUT_S:g} s;"
                " is there a `Match exec`?"
            ) from exc
        if shown.returncode != 0:
            raise ConfigurationError(f"{self.file} cannot be read for {alias!r}: {shown.stderr.strip()}")
        options = parse_options(shown.stdout)
        return target_from(alias, options, config_file=self.file, home=_home())

    def _by_asyncssh(self, alias: str, user: str, port: str) -> SshTarget:
        """Read what AsyncSSH understands; see ADR 2 for where it falls short of OpenSSH."""
        wanted: dict[str, Any] = {"host": alias.rpartition("@")[2]}
        user = user or alias.rpartition("@")[0]
        if user:
            wanted["username"] = user
        if port:
            wanted["port"] = int(port)
        file = self.file
        try:
            read = asyncssh.SSHClientConnectionOptions(
                config=[str(file)] if file.is_file() else None,
                client_keys=None,
                known_hosts=b"",
                **wanted,
            )
        except (asyncssh.ConfigParseError, OSError, ValueError) as exc:
            raise ConfigurationError(f"{file} cannot be read for {alias!r}: {exc}") from exc
        home = _home()
        tokens = tokens_of(alias, read.host, str(read.port), read.username, home=home)

        def files(option: str, default: tuple[str, ...] = ()) -> tuple[Path, ...]:
            values: Any = read.config.get(option, default)
            return tuple(Path(expand(str(value), tokens, home=home)) for value in values)

        jump = str(read.config.get("ProxyJump", "") or "")
        command: Any = read.proxy_command or ""
        return SshTarget(
            alias=alias,
            hostname=read.host,
            user=read.username,
            port=read.port,
            config_file=file,
            identity_files=files("IdentityFile", DEFAULT_KEYS),
            certificate_files=files("CertificateFile"),
            identities_only=bool(read.config.get("IdentitiesOnly", False)),
            agent_socket=agent_socket(
                str(read.config.get("IdentityAgent", "SSH_AUTH_SOCK")), tokens, home=home
            ),
            known_hosts_files=(
                *files("UserKnownHostsFile", ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")),
                *files("GlobalKnownHostsFile", ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")),
            ),
            host_key_alias=str(read.config.get("HostKeyAlias", "") or ""),
            proxy_jump=() if jump == "none" else tuple(part for part in jump.split(",") if part),
            proxy_command=command if isinstance(command, str) else " ".join(command),
            compression=bool(read.config.get("Compression", False)),
        )

    def _look_up(self, target: SshTarget) -> None:
        try:
            socket.getaddrinfo(target.hostname, target.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as exc:
            if target.hostname == target.alias.rpartition("@")[2].lower():
                raise ConfigurationError(
                    f"the SSH alias {target.alias!r} leads nowhere: no `Host {target.alias}` with a"
                    f" `HostName` is in {target.config_file}, and it is no address either"
                ) from exc
            raise ConnectionFailedError(
                f"{target.hostname}, the HostName of {target.alias!r} in {target.config_file},"
                f" cannot be looked up: {exc}"
            ) from exc


def _home() -> Path:
    """OpenSSH takes the home folder from the account, not from ``$HOME``."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path.home()
