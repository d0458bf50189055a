"""Where an alias leads: all that is needed to log in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SshTarget:
    """What OpenSSH's client configuration says about a host.

    There is no field that could switch off the checking of host keys: ``StrictHostKeyChecking no`` and
    its like are not obeyed.
    """

    alias: str
    hostname: str
    user: str
    port: int = 22
    config_file: Path
    """The file of settings, for messages."""
    identity_files: tuple[Path, ...] = ()
    certificate_files: tuple[Path, ...] = ()
    identities_only: bool = False
    agent_socket: str = ""
    """The socket of the agent that holds keys; empty for none."""
    known_hosts_files: tuple[Path, ...] = ()
    host_key_alias: str = ""
    proxy_jump: tuple[str, ...] = ()
    proxy_command: str = ""
    connect_timeout_s: float | None = None
    keepalive_s: float | None = None
    compression: bool = False
    gssapi: bool = False
    address_family: str = "any"
    bind_address: str = ""
    ciphers: tuple[str, ...] = field(default=(), repr=False)
    key_exchanges: tuple[str, ...] = field(default=(), repr=False)
    macs: tuple[str, ...] = field(default=(), repr=False)
    host_key_algorithms: tuple[str, ...] = field(default=(), repr=False)

    @property
    def address(self) -> str:
        """The host as a person would write it."""
        host = f"{self.hostname}:{self.port}" if self.port != 22 else self.hostname  # noqa: PLR2004 - SSH's port
        return host if self.alias == self.hostname else f"{self.alias} ({host})"

    @property
    def known_as(self) -> str:
        """The name under which ``known_hosts`` holds the host's key."""
        name = self.host_key_alias or self.hostname
        return f"[{name}]:{self.port}" if self.port != 22 else name  # noqa: PLR2004 - SSH's port
