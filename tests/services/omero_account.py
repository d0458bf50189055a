"""The account ``omero-server`` with OMERO's folders, and the start-up scripts of a worker run by it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.omero_py import REPOSITORY
from services.packages import ensure_account

ACCOUNT = "omero-server"
STARTUP = REPOSITORY / "deploy" / "startup"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class OmeroAccount:
    """The account with a tree as the official image has one, without OMERO in it.

    Parameters
    ----------
    root
        Stands for ``/``.
    """

    def __init__(self, root: Path) -> None:
        self.home = root / "opt" / "omero" / "server"
        self.omero = self.home / "OMERO.server"
        self._account = ensure_account(ACCOUNT, Path("/opt/omero/server"))
        for folder in (self.omero / "etc" / "grid", self.omero / "var", root / "tmp"):
            folder.mkdir(parents=True)
        for folder in (root, *root.rglob("*")):
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        root.chmod(0o755)

    def give(self, *paths: Path) -> None:
        """Make the account the owner."""
        for path in paths:
            os.chown(path, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)

    def run(
        self,
        script: str,
        variables: Mapping[str, str],
        *,
        words: Sequence[str] = (),
        reads_all: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a start-up script to its end."""
        return _run([*self._words(variables, reads_all=reads_all), str(STARTUP / script), *words])

    def shell(self, command: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a command of the shell."""
        return _run([*self._words(variables, reads_all=True), "sh", "-c", command])

    @contextmanager
    def running(
        self, script: str, log: Path, variables: Mapping[str, str], *, is_first: bool = False
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a start-up script that stays; end it with the block.

        Parameters
        ----------
        is_first
            It is the first process of a container; what is started is the container.
        """
        container = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] if is_first else []
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*container, *self._words(variables, reads_all=True), str(STARTUP / script)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd="/",
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                # a container takes all that is in it along
                process.send_signal(signal.SIGKILL if is_first else signal.SIGTERM)
                process.wait(60)

    def _words(self, variables: Mapping[str, str], *, reads_all: bool) -> list[str]:
        every = {"HOME": str(self.home), "OMERODIR": str(self.omero), "PATH": _PATH, "LANG": "C.UTF-8"}
        settings = [f"{name}={value}" for name, value in {**every, **variables}.items()]
        become = ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups", "--pdeathsig=KILL"]
        if reads_all:
            # the Python that runs the tests may be in somebody's home
            become += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        return [*become, "env", "-i", *settings]


def _run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd="/", timeout=120
    )
