"""Users of a test server who do one small thing at a time; what OMERO refuses arrives as an exception."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from services.omero_py import REPOSITORY
from services.omero_server import PASSWORD, OmeroServer


class RefusedError(Exception):
    """OMERO refused a call.

    Parameters
    ----------
    kind
        The name of the exception's class.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Caller:
    """Somebody who is logged in: each attribute is something to do (`services.omero_clients.callers`)."""

    def __init__(self, callers: Callers, name: str) -> None:
        self._callers = callers
        self._name = name

    def __getattr__(self, what: str) -> Any:
        def do(*arguments: Any, **words: Any) -> Any:
            return self._callers.ask(**{"as": self._name, "do": what, "with": arguments, "words": words})

        return do


class Callers:
    """One process with any number of users."""

    def __init__(self, server: OmeroServer, client: subprocess.Popen[str]) -> None:
        self._server = server
        self._client = client

    def log_in(self, name: str, password: str = PASSWORD, *, group: int | None = None) -> Caller:
        """Log somebody in; calls are made in a group if one is named."""
        server = self._server
        self.ask(**{"as": name, "login": [server.host, server.port, name, password]})
        caller = Caller(self, name)
        if group is not None:
            caller.use_group(group)
        return caller

    def join(self, session: str) -> Caller:
        """Join a session by its name."""
        return self.log_in(session, session)

    def ask(self, **request: Any) -> Any:
        """Ask the process.

        Raises
        ------
        RefusedError
            With what OMERO raised.
        """
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(json.dumps(request) + "\n")
        self._client.stdin.flush()
        said = json.loads(self._client.stdout.readline())
        if "error" in said:
            raise RefusedError(*said["error"])
        return said["answer"]


@contextmanager
def callers_of(server: OmeroServer) -> Iterator[Callers]:
    """Have users of a server; they go with the block."""
    client = subprocess.Popen(
        (str(server.python), "-m", "services.omero_clients.callers"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY / "tests",
        env={"PATH": os.environ["PATH"], "HOME": str(server.folder), "OMERO_TMPDIR": str(server.folder)},
        text=True,
    )
    try:
        yield Callers(server, client)
    finally:
        client.communicate()
