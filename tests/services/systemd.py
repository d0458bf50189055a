"""What systemd says of unit files, and the variables that they set."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from services.packages import ensure_packages as ensure

PACKAGES = ("systemd",)


def ensure_packages() -> None:
    """Install it; nothing is started by that."""
    ensure(PACKAGES)


def complaints(unit: Path) -> str:
    """Return what it says of a unit whose programs are there; empty where all is well."""
    ensure_packages()
    done = subprocess.run(("systemd-analyze", "verify", unit), capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def values(unit: Path, name: str) -> list[str]:
    """Return what a setting of a unit says, each time that it stands there."""
    lines = unit.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def variables(unit: Path) -> dict[str, str]:
    """Return the variables that a unit sets."""
    words = [word for value in values(unit, "Environment") for word in shlex.split(value)]
    return {name: value for name, _, value in (word.partition("=") for word in words)}
