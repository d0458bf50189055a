"""Logging in: one connection to a host, through jump hosts where the configuration says so."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncssh
from asyncssh.encryption import get_default_encryption_algs, get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs

from biomero.adapters.ssh.aliases import AliasBook
from biomero.adapters.ssh.host_keys import HostKeys
from biomero.adapters.ssh.keys import load_keys
from biomero.adapters.ssh.ssh_errors import ssh_errors
from biomero.adapters.ssh.target import SshTarget
from biomero.errors import BiomeroError, ConfigurationError

QUICK_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""Tried first where they are allowed: they took 40 % less CPU than OpenSSH's first choice."""

MOST_JUMPS = 8
KEEPALIVES_MISSED = 3


class Witness(asyncssh.SSHClient):
    """Sees how a login goes: the host key that was refused, whether logging in began, how it all ended."""

    def __init__(self, host_keys: HostKeys, keys: Sequence[asyncssh.SSHKeyPair]) -> None:
        self._host_keys = host_keys
        self._keys = list(keys)
        self.began_to_log_in = False
        self.is_lost = False

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Refuse: AsyncSSH asks only about keys that are not known."""
        del host, addr, port
        self._host_keys.refused = key
        return False

    def public_key_auth_requested(self) -> list[asyncssh.SSHKeyPair] | None:
        """Hand out all keys, once."""
        self.began_to_log_in = True
        keys, self._keys = self._keys, []
        return keys or None

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing more can be run here."""
        del exc
        self.is_lost = True


class LoginRefusedError(Exception):
    """Carries an error out of a login after the host had begun to ask who we are: hosts count those."""

    def __init__(self, error: BiomeroError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An open connection, and those to the jump hosts below it."""

    target: SshTarget
    connection: asyncssh.SSHClientConnection
    witness: Witness
    jumps: tuple[asyncssh.SSHClientConnection, ...]

    @property
    def is_lost(self) -> bool:
        """Nothing can be run here any more."""
        return self.witness.is_lost

    async def close(self) -> None:
        """End the connection and those below it."""
        for connection in (self.connection, *reversed(self.jumps)):
            connection.close()
        for connection in (self.connection, *reversed(self.jumps)):
            try:
                async with asyncio.timeout(2):
                    await connection.wait_closed()
            except TimeoutError:
                connection.abort()


async def log_in(book: AliasBook, alias: str, *, timeout_s: float, keepalive_s: float) -> Login:
    """Resolve an alias and log in there, through its jump hosts.

    Raises
    ------
    LoginRefusedError
        If the host, or one before it, had begun to ask who we are: such failures must not be repeated often.
    ConfigurationError, ConnectionFailedError, HostKeyError, AuthenticationFailedError
        If it did not come to that.
    """
    # AsyncSSH writes whole command lines into its log at INFO, with the values of variables in them
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    target = await asyncio.to_thread(book.resolve, alias)
    opened: list[asyncssh.SSHClientConnection] = []
    try:
        connection, witness = await _reach(
            book, target, opened, timeout_s=timeout_s, keepalive_s=keepalive_s, depth=0
        )
    except BaseException:
        for jump in reversed(opened):
            jump.abort()
        raise
    return Login(target=target, connection=connection, witness=witness, jumps=tuple(opened[:-1]))


async def _reach(
    book: AliasBook,
    target: SshTarget,
    opened: list[asyncssh.SSHClientConnection],
    *,
    timeout_s: float,
    keepalive_s: float,
    depth: int,
    tunnel: asyncssh.SSHClientConnection | None = None,
) -> tuple[asyncssh.SSHClientConnection, Witness]:
    """Open the connections on the way to a host and to itself.

    As OpenSSH has it, the first jump host of a list is reached by its own ``ProxyJump``, each further one
    through the one before.
    """
    if depth > MOST_JUMPS:
        raise ConfigurationError(
            f"{target.config_file}: ProxyJump of {target.alias!r} goes round in a circle"
        )
    jumps = () if tunnel else target.proxy_jump
    for jump in jumps:
        user, host, port = parse_jump(jump)
        hop = await asyncio.to_thread(
            book.resolve, host, user=user, port=port, reached_directly=tunnel is None
        )
        tunnel, _ = await _reach(
            book, hop, opened, timeout_s=timeout_s, keepalive_s=keepalive_s, depth=depth + 1, tunnel=tunnel
        )
    connection, witness = await _connect(target, tunnel, timeout_s=timeout_s, keepalive_s=keepalive_s)
    opened.append(connection)
    return connection, witness


async def _connect(
    target: SshTarget, tunnel: asyncssh.SSHClientConnection | None, *, timeout_s: float, keepalive_s: float
) -> tuple[asyncssh.SSHClientConnection, Witness]:
    host_keys = HostKeys.of(target)
    keys = await load_keys(target)
    witness = Witness(host_keys, keys.pairs)
    try:
        with ssh_errors(target, host_keys):
            async with asyncio.timeout(target.connect_timeout_s or timeout_s):
                connection = await asyncssh.connect(
                    target.hostname,
                    target.port,
                    tunnel=tunnel,
                    **_options(target, host_keys, keepalive_s, uses_tunnel=tunnel is not None),
                    client_factory=lambda: witness,
                )
    except BiomeroError as exc:
        if witness.began_to_log_in:
            raise LoginRefusedError(exc) from exc
        raise
    finally:
        keys.close()
    return connection, witness


def parse_jump(text: str) -> tuple[str, str, str]:
    """Return user, host and port of one ``ProxyJump``: ``[ssh://][user@]host[:port]``.

    Examples
    --------
    >>> parse_jump("ana@gate:2222")
    ('ana', 'gate', '2222')
    """
    user, _, place = text.removeprefix("ssh://").rstrip("/").rpartition("@")
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return user, host, rest.removeprefix(":")
    host, colon, port = place.partition(":")
    if colon and not port.isdigit():
        raise ConfigurationError(f"{text!r} is no jump host: expected [user@]host[:port]")
    return user, host, port


def _options(
    target: SshTarget, host_keys: HostKeys, keepalive_s: float, *, uses_tunnel: bool
) -> dict[str, Any]:
    """Return AsyncSSH's options; it reads no configuration file itself, the target says everything."""
    options: dict[str, Any] = {
        "config": None,
        "username": target.user,
        "client_keys": None,  # the witness hands them out
        "agent_path": None,
        "known_hosts": host_keys.known,
        "host_key_alias": target.host_key_alias or None,
        "server_host_key_algs": host_keys.algorithms(),
        "x509_trusted_certs": None,
        "encryption_algs": _ciphers(target),
        "password_auth": False,
        "kbdint_auth": False,
        "gss_auth": target.gssapi,
        "gss_kex": False,
        "preferred_auth": ["gssapi-with-mic", "publickey"] if target.gssapi else ["publickey"],
        "request_pty": False,
        "x11_forwarding": False,
        "agent_forwarding": False,
        "login_timeout": 0,  # one time limit for all of it
        "keepalive_interval": target.keepalive_s or keepalive_s,
        "keepalive_count_max": KEEPALIVES_MISSED,
        "compression_algs": ["zlib@openssh.com", "none"] if target.compression else ["none"],
    }
    if key_exchanges := _both(target.key_exchanges, get_kex_algs()):
        options["kex_algs"] = key_exchanges
    if macs := _both(target.macs, get_mac_algs()):
        options["mac_algs"] = macs
    if not uses_tunnel and target.proxy_command:
        options["proxy_command"] = ["sh", "-c", f"exec {target.proxy_command}"]
    if target.address_family in {"inet", "inet6"}:
        options["family"] = socket.AF_INET if target.address_family == "inet" else socket.AF_INET6
    if target.bind_address:
        options["local_addr"] = (target.bind_address, 0)
    return options


def _ciphers(target: SshTarget) -> list[str]:
    allowed = _both(target.ciphers, get_encryption_algs()) or [
        name.decode() for name in get_default_encryption_algs()
    ]
    return [
        *(name for name in QUICK_CIPHERS if name in allowed),
        *(name for name in allowed if name not in QUICK_CIPHERS),
    ]


def _both(wanted: tuple[str, ...], possible: Sequence[bytes]) -> list[str]:
    names = {name.decode() for name in possible}
    return [name for name in wanted if name in names]
