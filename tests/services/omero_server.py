"""Starting the test server (`omero_server`), an OMERO for tests, and asking it for what no client may."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.guard import guarded
from services.omero_py import REPOSITORY, ensure_clients
from services.processes import Daemons, free_ports, wait_until

_TESTS = REPOSITORY / "tests"
_MARK = "BIOMERO_TEST_OMERO"
PASSWORD = "a password of tests"
"""Everybody's, root's included."""
_NAME = "server"


class AskedForTooMuchError(Exception):
    """The control channel refused; the message says why."""


class OmeroServer:
    """A test server of one's own.

    Parameters
    ----------
    folder
        Where all that it keeps is. Another server with this folder has the same objects, but no sessions.
    """

    def __init__(self, folder: Path) -> None:
        for part in ("run", "log", "state", "arrays"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.host = "127.0.0.1"
        self.port, self.tls_port, self._control = free_ports(3)
        self.python = ensure_clients()
        """The interpreter of an environment with omero-py and tools that build on it, for clients."""
        self._mark = f"{_MARK}={secrets.token_hex(8)}"
        name, _, value = self._mark.partition("=")
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), name: value, "PYTHONPATH": str(_TESTS)}
        self._daemons = Daemons(folder, env={**env, "OMERO_TMPDIR": str(folder)})
        self._connection: socket.socket | None = None

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
        self._hang_up()
        self._daemons.stop(_NAME)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._hang_up()
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

    def add_group(self, name: str, permissions: str = "rw----") -> int:
        """Make a group, private unless said otherwise; return its id."""
        return int(self.ask("add_group", name=name, permissions=permissions))

    def add_user(
        self,
        name: str,
        groups: Sequence[str] = (),
        *,
        leads: Sequence[str] = (),
        is_admin: bool = False,
        privileges: Sequence[str] | None = None,
    ) -> int:
        """Make a user; the first group is the default one. Return the id."""
        return int(
            self.ask(
                "add_user",
                name=name,
                password=PASSWORD,
                groups=list(groups),
                leads=list(leads),
                is_admin=is_admin,
                privileges=None if privileges is None else list(privileges),
            )
        )

    def add_container(
        self, kind: str, name: str, *, owner: str, group: str, project: int | None = None
    ) -> int:
        """Make a ``Project``, ``Dataset`` or ``Screen``; return its id."""
        return int(self.ask("add_container", owner=owner, group=group, kind=kind, name=name, inside=project))

    def add_image(
        self,
        name: str,
        pixels: npt.NDArray[Any],
        *,
        owner: str,
        group: str,
        dataset: int | None = None,
        channels: Sequence[Mapping[str, Any]] = (),
        pixel_size_um: float | None = None,
    ) -> int:
        """Make an image; return its id.

        Parameters
        ----------
        pixels
            Axes (t, c, z, y, x), of any type that OMERO knows.
        channels
            For each, perhaps a ``name`` and a ``colour`` (red, green, blue).
        """
        return int(
            self.ask(
                "add_image",
                owner=owner,
                group=group,
                name=name,
                array=self._saved(pixels),
                dataset=dataset,
                channels=list(channels),
                pixel_size_um=pixel_size_um,
            )
        )

    def add_plate(
        self,
        name: str,
        wells: Mapping[tuple[int, int], Sequence[npt.NDArray[Any]]],
        *,
        owner: str,
        group: str,
        size: tuple[int, int],
        screen: int | None = None,
    ) -> int:
        """Make a plate of rows and columns; wells that are not named are missing. Return its id."""
        listed = [(row, column, [self._saved(a) for a in fields]) for (row, column), fields in wells.items()]
        return int(
            self.ask(
                "add_plate", owner=owner, group=group, name=name, size=list(size), wells=listed, screen=screen
            )
        )

    def add_fileset(
        self, prefix: str, files: Mapping[str, Path], images: Sequence[int], *, owner: str, group: str
    ) -> int:
        """Copy files into the managed repository, under a prefix, as what images were imported from."""
        named = {name: str(path) for name, path in files.items()}
        return int(
            self.ask("add_fileset", owner=owner, group=group, prefix=prefix, files=named, images=list(images))
        )

    def fail(self, operation: str, error: str = "InternalException", *, times: int = 1) -> None:
        """Let the next calls of, say, ``IQuery.findByQuery`` fail with an exception of omero or Ice."""
        self.ask("add_fault", operation=operation, times=times, delay_s=0, error=error)

    def slow(self, operation: str, delay_s: float, *, times: int = 1) -> None:
        """Let the next calls of an operation take longer."""
        self.ask("add_fault", operation=operation, times=times, delay_s=delay_s, error="")

    def kill_sessions(self, user: str) -> int:
        """End all sessions of a user; return how many there were."""
        found = self.ask("open_sessions", user=user)
        self.ask("kill_sessions", uuids=found)
        return len(found)

    def calls(self, operation: str) -> int:
        """Return how often an operation was called since the server started."""
        return int(self.ask("calls", operation=operation))

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Return all objects of a class, whoever may see them: plain fields, linked ids, owner and group."""
        found: list[dict[str, Any]] = self.ask("rows", kind=kind)
        return found

    def ask(self, what: str, **words: Any) -> Any:
        """Ask the control channel (`omero_server.control`).

        Raises
        ------
        AskedForTooMuchError
            If it refuses.
        """
        if self._connection is None:
            self._connection = socket.create_connection((self.host, self._control), timeout=60)
        self._connection.sendall(json.dumps({"do": what, **words}).encode() + b"\n")
        with self._connection.makefile("rb") as answers:
            said = json.loads(answers.readline())
        if "error" in said:
            raise AskedForTooMuchError(said["error"])
        return said["answer"]

    def _saved(self, pixels: npt.NDArray[Any]) -> str:
        path = self.folder / "arrays" / f"{secrets.token_hex(4)}.npy"
        np.save(path, pixels)
        return str(path)

    def _is_up(self) -> bool:
        if not self._daemons.is_alive(_NAME):
            raise RuntimeError(f"the test server ended: {self.log[-3000:]}")
        try:
            self.ask("calls", operation="")
        except OSError:
            self._hang_up()
            return False
        return True

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


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
