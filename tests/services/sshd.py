"""A real OpenSSH server on loopback, with keys, known hosts and a client configuration of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("openssh-server", "openssh-client", "rsync")
SSHD = "/usr/sbin/sshd"
START_TIMEOUT_S = 20.0


def ensure_packages() -> None:
    """Install OpenSSH if it is missing; needs root then."""
    if Path(SSHD).exists() and shutil.which("ssh") and shutil.which("ssh-keygen"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ("apt-get", "-o", "DPkg::Lock::Timeout=600")
    subprocess.run((*apt, "update", "-qq"), check=True, env=environment)
    subprocess.run(
        (*apt, "install", "-y", "-qq", "--no-install-recommends", *PACKAGES), check=True, env=environment
    )


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def make_key(path: Path, *, comment: str = "test") -> Path:
    """Make a key pair without a passphrase."""
    subprocess.run(
        ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)), check=True
    )
    return path


@dataclass
class Sshd:
    """One server; `start` and `stop` may be called in turn, the port stays."""

    folder: Path
    settings: tuple[str, ...] = ()
    """Lines that stand first in its configuration, and so win."""
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def host_key(self) -> Path:
        return self.folder / "host_key"

    @property
    def user_key(self) -> Path:
        return self.folder / "user_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def client_config(self) -> Path:
        return self.folder / "config"

    @property
    def log(self) -> Path:
        return self.folder / "sshd.log"

    def prepare(self) -> None:
        """Make keys and files of configuration; the alias of the server is ``lab``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        make_key(self.host_key, comment="host")
        make_key(self.user_key, comment="user")
        shutil.copy(self.user_key.with_suffix(".pub"), self.folder / "authorized_keys")
        self.write_known_hosts(self.host_key.with_suffix(".pub"))
        self.client_config.write_text(self.client_entry("lab"))
        lines = (
            *self.settings,
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            f"PidFile {self.folder / 'sshd.pid'}",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            "AuthenticationMethods publickey",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "StrictModes no",
            "UsePAM no",
            "UseDNS no",
            "PrintMotd no",
            "LogLevel VERBOSE",
            "Subsystem sftp internal-sftp",
        )
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")

    def client_entry(self, alias: str, *further: str) -> str:
        """Return a ``Host`` entry of a client configuration for this server."""
        lines = (
            f"Host {alias}",
            "HostName 127.0.0.1",
            f"Port {self.port}",
            f"User {getpass.getuser()}",
            f"IdentityFile {self.user_key}",
            "IdentitiesOnly yes",
            "IdentityAgent none",
            f"UserKnownHostsFile {self.known_hosts}",
            "GlobalKnownHostsFile none",
            *further,
        )
        return "\n  ".join(lines) + "\n"

    def write_known_hosts(self, public_key: Path) -> None:
        """Make a key the only one that is known for this server."""
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public_key.read_text()}")

    def start(self) -> None:
        """Start, and wait until it answers."""
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's empty place; packages leave it to systemd
        # not a daemon: we start it and we end it; it re-executes itself and wants its whole path
        self._process = subprocess.Popen(
            (SSHD, "-D", "-f", str(self.folder / "sshd_config"), "-E", str(self.log)),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                    if client.recv(4) == b"SSH-":
                        return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"sshd did not start: {self.log.read_text()}")

    def stop(self) -> None:
        """End the server and every session on it."""
        if self._process is None:
            return
        for pid in self.session_pids():
            _kill(pid, signal.SIGTERM)
        self._process.terminate()
        self._process.wait(timeout=START_TIMEOUT_S)
        self._process = None

    def session_pids(self) -> list[int]:
        """Return the processes of sshd that serve a connection, not what was started in them."""
        if self._process is None:
            return []
        return _descendants(self._process.pid)

    def drop_connections(self) -> None:
        """Cut every connection, as a broken network does; the server goes on."""
        for pid in self.session_pids():
            _kill(pid, signal.SIGKILL)

    def logins(self) -> int:
        """How many logins the server has accepted."""
        return self.log.read_text().count("Accepted publickey")

    def failed_logins(self) -> int:
        """How many connections ended without a login."""
        return self.log.read_text().count("Connection closed by authenticating user")


def eventually(claim: Callable[[], bool], *, within_s: float = 10.0) -> bool:
    """Wait until a claim is true, as servers write their logs a little late; tell whether it became so."""
    deadline = time.monotonic() + within_s
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def running_sshd(folder: Path, *settings: str) -> Iterator[Sshd]:
    """Run a server for the length of a block."""
    server = Sshd(folder, settings)
    server.prepare()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _descendants(pid: int) -> list[int]:
    """Return the sshd processes below one: the monitor and the unprivileged part of each connection."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            name, _, rest = entry.joinpath("stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if int(rest.split()[1]) == pid and name.startswith("sshd"):
            child = int(entry.name)
            found += [child, *_descendants(child)]
    return found


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
