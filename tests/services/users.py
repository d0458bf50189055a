"""Commands as another user of this machine, one without rights."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomero.adapters.local.shell import LocalShell
from biomero.application.ports.shell import CommandResult, SessionCounts

_NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprivilegedUser:
    """A user without rights, with a home folder; tests that already run as one stay themselves."""

    home: Path

    def own(self, *folders: Path) -> None:
        """Give folders to the user."""
        if os.geteuid() == 0:
            user = pwd.getpwnam(_NOBODY)
            for folder in folders:
                os.chown(folder, user.pw_uid, user.pw_gid)

    def words(self, *argv: str) -> tuple[str, ...]:
        """Return the command that runs `argv` as the user, with an environment of its own."""
        environment = ("env", "-i", f"HOME={self.home}", "PATH=/usr/bin:/bin")
        if os.geteuid() != 0:
            return (*environment, *argv)
        user = pwd.getpwnam(_NOBODY)
        become = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
        return (*become, *environment, *argv)


class UserShell:
    """Runs programs as an unprivileged user; see `RemoteShell`."""

    def __init__(self, user: UnprivilegedUser) -> None:
        self._user = user
        self._shell = LocalShell()

    @property
    def counts(self) -> SessionCounts:
        return self._shell.counts

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        settings = (f"{name}={value}" for name, value in (env or {}).items())
        words = self._user.words("env", "-C", str(self._user.home), *settings, *argv)
        return self._shell.run(words, stdin=stdin, timeout_s=timeout_s)

    def close(self) -> None:
        self._shell.close()
