"""Checks of this machine."""

from __future__ import annotations

import os
import platform
import shutil
import stat
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from biomero.application.doctor.codes import Code
from biomero.application.doctor.examination import GIB, MIB, Tools
from biomero.application.doctor.findings import Finding

_LEAST_SPACE = 100 * MIB
_LITTLE_SPACE = 2 * GIB
_OTHERS = 0o077
_HEAD = 64


def check_versions(_: Tools) -> Iterator[Finding]:
    """Say what runs here."""
    yield Code.VERSIONS.ok("biomero", f"BIOMERO {version('biomero')}, Python {platform.python_version()}")


def check_configuration(tools: Tools) -> Iterator[Finding]:
    """Pass on what reading the configuration brought up."""
    warnings = tools.settings.warnings
    for text in warnings:
        yield Code.CONFIGURATION.warning("configuration", text)
    if not warnings:
        yield Code.CONFIGURATION.ok("configuration", f"{len(tools.settings.workflows)} workflows configured")


def check_state_folder(tools: Tools) -> Iterator[Finding]:
    """Look at the folder of this machine's state: permission and space."""
    folder = tools.settings.state_folder
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(folder).free
    except OSError as exc:
        yield Code.STATE_SPACE.problem(str(folder), f"it cannot be made: {exc.strerror or exc}")
        return
    said = f"{size(free)} free"
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Code.STATE_SPACE.problem(str(folder), "it cannot be written")
    elif free < _LEAST_SPACE:
        yield Code.STATE_SPACE.problem(str(folder), said)
    elif free < _LITTLE_SPACE:
        yield Code.STATE_SPACE.warning(str(folder), said)
    else:
        yield Code.STATE_SPACE.ok(str(folder), said)


def check_record(tools: Tools) -> Iterator[Finding]:
    """Reach the database of runs."""
    obstacle = tools.record.obstacle()
    if obstacle is None:
        yield Code.RECORD.ok(tools.record.name, "it answers")
    else:
        yield Code.RECORD.problem(tools.record.name, obstacle)


def check_keys(_: Tools) -> Iterator[Finding]:
    """Look at the permissions of private keys; nothing is said where there are none."""
    folder = Path.home() / ".ssh"
    keys = [path for path in sorted(folder.rglob("*")) if _is_private_key(path)] if folder.is_dir() else []
    open_to_others = [path for path in keys if path.stat().st_mode & _OTHERS]
    for path in open_to_others:
        yield Code.SSH_KEYS.warning(str(path), f"its mode is {stat.S_IMODE(path.stat().st_mode):o}")
    if keys and not open_to_others:
        yield Code.SSH_KEYS.ok(str(folder), f"{len(keys)} private keys, which only their owner can read")


def _is_private_key(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:  # a folder, a socket, or not ours to read
        return False
    return head.startswith(b"-----BEGIN ") and b"PRIVATE KEY-----" in head.partition(b"\n")[0]


def size(count: float) -> str:
    """Return a number of bytes as people read it, in thousands as `biomero cluster status` counts.

    >>> size(1_500_000)
    '1.5 MB'
    """
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 - the step from one unit to the next
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
