"""Asking a test server (`omero_server`) for what no client may: objects, faults, ends of sessions."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HOST = "127.0.0.1"
PASSWORD = "a password of tests"
"""Everybody's, root's included."""


class AskedForTooMuchError(Exception):
    """The control channel refused; the message says why."""


class OmeroSeeds:
    """The control channel of a test server.

    Parameters
    ----------
    port
        Where it listens, on loopback.
    arrays
        A folder for pixels on their way to it.
    """

    def __init__(self, port: int, arrays: Path) -> None:
        self._control = port
        self._arrays = arrays
        self._connection: socket.socket | None = None

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

    def fail(
        self, operation: str, error: str = "InternalException", *, times: int = 1, after: bool = False
    ) -> None:
        """Let the next calls of, say, ``IQuery.findByQuery`` fail with an exception of omero or Ice.

        Parameters
        ----------
        after
            Whether what is asked for is done all the same, and only its answer is lost.
        """
        self._fault(operation, error=error, times=times, after=after)

    def cut(self, operation: str, *, after: bool = False) -> None:
        """Let the next call of an operation end its client's connection."""
        self._fault(operation, error="cut", after=after)

    def die(self, operation: str, *, after: bool = False) -> None:
        """Let the next call of an operation end the server, as a power cut would."""
        self._fault(operation, error="die", after=after)

    def slow(self, operation: str, delay_s: float, *, times: int = 1) -> None:
        """Let the next calls of an operation take longer."""
        self._fault(operation, delay_s=delay_s, times=times)

    def _fault(
        self, operation: str, *, error: str = "", delay_s: float = 0, times: int = 1, after: bool = False
    ) -> None:
        self.ask("add_fault", operation=operation, times=times, delay_s=delay_s, error=error, after=after)

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
            self._connection = socket.create_connection((HOST, self._control), timeout=60)
        self._connection.sendall(json.dumps({"do": what, **words}).encode() + b"\n")
        with self._connection.makefile("rb") as answers:
            said = json.loads(answers.readline())
        if "error" in said:
            raise AskedForTooMuchError(said["error"])
        return said["answer"]

    def _saved(self, pixels: npt.NDArray[Any]) -> str:
        self._arrays.mkdir(parents=True, exist_ok=True)
        path = self._arrays / f"{secrets.token_hex(4)}.npy"
        np.save(path, pixels)
        return str(path)

    def answers(self) -> bool:
        """Say whether it is there."""
        try:
            self.ask("calls", operation="")
        except OSError:
            self.hang_up()
            return False
        return True

    def hang_up(self) -> None:
        """Leave it; the next question begins anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
