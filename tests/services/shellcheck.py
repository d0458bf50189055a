"""ShellCheck, of Debian: finds mistakes in shell scripts."""

from __future__ import annotations

import subprocess
from pathlib import Path

from services.packages import ensure_packages as ensure

PACKAGES = ("shellcheck",)


def ensure_packages() -> None:
    """Install it."""
    ensure(PACKAGES)


def complaints(*scripts: Path) -> str:
    """Return what it says of scripts; empty where all is well."""
    ensure_packages()
    done = subprocess.run(
        ("shellcheck", "--external-sources", *scripts), capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr
