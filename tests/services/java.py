"""Java and the jar of Bio-Formats."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from biomero.adapters.bioformats import fetch_jar, find_jar

_CACHE = Path(__file__).parents[2] / ".test-env" / "bioformats"


def ensure_packages() -> None:
    """Install a Java runtime where there is none; needs root and apt then."""
    if shutil.which("java") is None:
        apt = ("apt-get", "-o", "DPkg::Lock::Timeout=600", "-qq")
        subprocess.run((*apt, "update"), check=True, capture_output=True)
        subprocess.run(
            (*apt, "install", "--yes", "--no-install-recommends", "default-jre-headless"),
            check=True,
            capture_output=True,
        )


def jar() -> Path:
    """Return Bio-Formats' jar, fetched once for all test runs."""
    return find_jar(_CACHE) or fetch_jar(_CACHE)
