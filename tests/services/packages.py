"""Debian packages and accounts that the test services need, made once a machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

_POLICY = Path("/usr/sbin/policy-rc.d")
_LISTS = Path("/var/lib/apt/lists")
_LOCK = Path("/run/lock/biomero-test-packages")
_APT = ("apt-get", "-o", "DPkg::Lock::Timeout=600", "-qq", "-y", "--no-install-recommends")


def ensure_packages(names: Sequence[str]) -> None:
    """Install the packages that are missing; start none of the daemons they bring.

    Raises
    ------
    RuntimeError
        If packages are missing and cannot be installed; the message holds apt's words.
    """
    if not _missing(names):
        return
    if os.geteuid() != 0:
        raise RuntimeError(f"these packages are needed, and only root can install them: {_missing(names)}")
    with machine_lock():
        missing = _missing(names)
        if not missing:
            return
        with _no_daemons():
            if not any(_LISTS.glob("*_Packages*")):
                _apt("update")
            if _apt("install", *missing) is not None:
                # Lists that are too old name files which are no longer there.
                _apt("update")
                words = _apt("install", *missing)
                if words is not None:
                    raise RuntimeError(f"apt-get could not install {' '.join(missing)}:\n{words}")


def ensure_account(name: str, home: Path) -> pwd.struct_passwd:
    """Return the account; make it, with its home folder, if it is missing."""
    with machine_lock():
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            # '*' and not '!': an sshd without PAM takes '!' for a locked account, even with a key.
            argv = ("useradd", "--system", "--user-group", "--shell", "/bin/bash", "--password", "*")
            subprocess.run([*argv, "--home-dir", str(home), "--create-home", name], check=True)
            account = pwd.getpwnam(name)
        folder = Path(account.pw_dir)
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, account.pw_uid, account.pw_gid)
        folder.chmod(0o755)
    return account


@contextlib.contextmanager
def machine_lock() -> Iterator[None]:
    """Let one process at a time change packages and accounts."""
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _missing(names: Sequence[str]) -> list[str]:
    asked = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\n", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = (line.split() for line in asked.stdout.splitlines())
    installed = {row[1] for row in rows if row[0] == "installed"}
    return [name for name in names if name not in installed]


def _apt(*arguments: str) -> str | None:
    """Run apt-get; return ``None`` if it went well, else its last words."""
    done = subprocess.run(
        [*_APT, *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else done.stdout[-3000:]


@contextlib.contextmanager
def _no_daemons() -> Iterator[None]:
    """Keep packages from starting their daemons; container images often have such a policy already."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
