"""Somebody at OMERO, who runs scripts: a process with unmodified omero-py (`services.grid_client`)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from services.omero_py import REPOSITORY
from services.processes import wait_until

_PASSWORD = "a password of tests"


class Refused(Exception):  # noqa: N818 - what OMERO said, not an error of ours
    """OMERO refused a call."""


class User:
    """Somebody at OMERO."""

    def __init__(self, client: subprocess.Popen[str]) -> None:
        self._client = client

    def ask(self, **request: Any) -> Any:
        """Ask, and return the answer."""
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(json.dumps(request) + "\n")
        self._client.stdin.flush()
        said = json.loads(self._client.stdout.readline())
        if "error" in said:
            raise Refused(said["error"])
        return said["answer"]

    def upload(self, name: str, text: str) -> int:
        """Put a script where official ones are."""
        return int(self.ask(do="upload", **{"with": [f"/biomero/{name}", text]}))

    def parameters(self, script: int) -> dict[str, str]:
        """Return the parameters that a script says it has."""
        found: dict[str, str] = self.ask(do="parameters", **{"with": [script]})
        return found

    def start(self, script: int, wait_s: int = 5, **inputs: Any) -> Run:
        """Run a script."""
        said = self.ask(do="start", **{"with": [script, inputs, wait_s]})
        return Run(self, number=said["number"], job=said["job"])


class Run:
    """A script that was started."""

    def __init__(self, user: User, *, number: int, job: int) -> None:
        self._user = user
        self._number = number
        self.job = job

    def poll(self) -> int | None:
        """Return its exit code, once it has one."""
        code: int | None = self._user.ask(do="poll", **{"with": [self._number]})
        return code

    def cancel(self) -> None:
        """Ask it to end."""
        self._user.ask(do="cancel", **{"with": [self._number]})

    def kill(self) -> None:
        """End it."""
        self._user.ask(do="kill", **{"with": [self._number]})

    def wait(self, timeout_s: float = 60) -> int:
        """Wait for its end and return its exit code."""
        wait_until(lambda: self.poll() is not None, "the script ends", timeout_s=timeout_s)
        code = self.poll()
        assert code is not None
        return code

    def results(self) -> dict[str, Any]:
        """Return its outputs, and what it printed."""
        found: dict[str, Any] = self._user.ask(do="results", **{"with": [self._number]})
        return found

    def status(self) -> str:
        """Return what OMERO says of the job."""
        return str(self._user.ask(do="status", **{"with": [self.job]}))


@contextmanager
def logged_in(python: str, router: str, env: Mapping[str, str]) -> Iterator[User]:
    """Log somebody in through a router; log out with the block."""
    client = subprocess.Popen(
        (python, "-m", "services.grid_client"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY / "tests",
        env=dict(env),
        text=True,
    )
    try:
        user = User(client)
        user.ask(login=[router, _PASSWORD])
        yield user
    finally:
        client.communicate()
