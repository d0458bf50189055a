"""Starting the test server (`omero_server`), an OMERO for tests."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from services.guard import guarded
from services.omero_py import REPOSITORY, ensure_clients
from services.omero_seeds import HOST, PASSWORD, OmeroSeeds
from services.processes import Daemons, free_ports, wait_until

_TESTS = REPOSITORY / "tests"
_MARK = "BIOMERO_TEST_OMERO"
_NAME = "server"
__all__ = ["PASSWORD", "OmeroServer", "omero_server_in"]


class OmeroServer(OmeroSeeds):
    """A test server of one's own.

    Parameters
    ----------
    folder
        Where all that it keeps is. Another server with this folder has the same objects, but no sessions.
    """

    def __init__(self, folder: Path) -> None:
        for part in ("run", "log", "state"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.host = HOST
        self.port, self.tls_port, control = free_ports(3)
        super().__init__(control, folder / "arrays")
        self.python = ensure_clients()
        """The interpreter of an environment with omero-py and tools that build on it, for clients."""
        self._mark = f"{_MARK}={secrets.token_hex(8)}"
        name, _, value = self._mark.partition("=")
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), name: value, "PYTHONPATH": str(_TESTS)}
        self._daemons = Daemons(folder, env={**env, "OMERO_TMPDIR": str(folder)})

    @property
    def url(self) -> str:
        """What clients may be given as their host: without TLS, which needs no time for certificates."""
        return f"tcp://{self.host}:{self.port}"

    @property
    def repository(self) -> Path:
        """The folder of the managed repository, as a client on the same machine sees it."""
        return self.folder / "state" / "ManagedRepository"

    @property
    def log(self) -> str:
        """What the server printed."""
        return (self.folder / "log" / f"{_NAME}.out").read_text(errors="replace")

    def start(self) -> None:
        """Start it and wait until it answers."""
        tls = _certificate(self.folder)
        own = {
            "endpoints": f"tcp -h {self.host} -p {self.port}:ssl -h {self.host} -p {self.tls_port}",
            "folder": str(self.folder / "state"),
            "password": PASSWORD,
            "control": str(self._control),
            "insecure": f"OMERO.Glacier2/router:tcp -p {self.port} -h @omero.host@",
        }
        words = [f"--omero.test.{name}={value}" for name, value in own.items()]
        argv = (str(self.python), "-m", "omero_server", *words, *tls)
        self._daemons.start(_NAME, argv)
        wait_until(self._is_up, "the test server answers", timeout_s=60)

    def stop(self) -> None:
        """End it."""
        self.hang_up()
        self._daemons.stop(_NAME)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.hang_up()
        self._daemons.kill(_NAME)

    def restart(self) -> None:
        """End it and start it again, at the same ports: objects stay, sessions are lost."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Let it answer nobody, and keep its connections."""
        self._daemons.freeze(_NAME)

    def thaw(self) -> None:
        """Let it go on."""
        self._daemons.thaw(_NAME)

    @property
    def mark(self) -> str:
        """``NAME=value`` in the environment of its process."""
        return self._mark

    def run(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a client program with the clients' interpreter."""
        variables = {
            "PATH": f"{self.python.parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "OMERO_TMPDIR": str(self.folder),
            "PYTHONPATH": str(_TESTS),
            **(env or {}),
        }
        return subprocess.run(
            (str(self.python), *words),
            capture_output=True,
            text=True,
            check=False,
            env=variables,
            cwd=cwd or self.folder,
            timeout=timeout_s,
        )

    def _is_up(self) -> bool:
        if not self._daemons.is_alive(_NAME):
            raise RuntimeError(f"the test server ended: {self.log[-3000:]}")
        return self.answers()


@contextmanager
def omero_server_in(folder: Path) -> Iterator[OmeroServer]:
    """Have a test server; it ends with the block, and if this process is killed."""
    server = OmeroServer(folder)
    with guarded(server.mark):
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _certificate(folder: Path) -> tuple[str, ...]:
    """Return the words that let Ice speak TLS with a certificate of our own."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    if not certificate.exists():
        made = (
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=tests",
        )
        subprocess.run(
            (*made, "-keyout", str(key), "-out", str(certificate)), check=True, capture_output=True
        )
    return (
        "--Ice.Plugin.IceSSL=IceSSL:createIceSSL",
        "--IceSSL.VerifyPeer=0",
        f"--IceSSL.CertFile={certificate}",
        f"--IceSSL.KeyFile={key}",
    )
