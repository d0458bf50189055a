"""Which files are read, and which one is written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

FILES = (Path("/etc/slurm-config.ini"), Path("/OMERO/slurm-config.ini"), Path("~/slurm-config.ini"))
"""Read in this order; a later file overrides an earlier one, key by key."""

PACKAGE = Path(__file__).resolve().parents[2]
"""The folder of the package; importing `biomero` itself from inside would turn the layers around."""

BASE_FILE = PACKAGE / "_config" / "slurm-config.ini"
"""What comes with BIOMERO; every other file overrides it."""

AUTHORITATIVE = "BIOMERO_SLURM_CONFIG_FILE"
"""The variable that names the one file that is read and written."""


def local_path(text: str) -> Path:
    """Return a path of this machine; ``~`` at the front is a home folder, where there is such an account."""
    # `Path.expanduser` raises where there is none; a path that leads nowhere is told of when it is read
    return Path(os.path.expanduser(text))  # noqa: PTH111


def authoritative_path(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the one file that counts, where the environment names one."""
    named = environment.get(AUTHORITATIVE)
    return local_path(named) if named else None


def config_paths(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    files: Sequence[Path] = FILES,
) -> tuple[Path, ...]:
    """Return the files that are read, whether they exist or not; later ones override earlier ones.

    The file that comes with BIOMERO is not among them.
    """
    only = authoritative_path(environment)
    if only is not None:
        return (only,)
    usual = tuple(local_path(str(path)) for path in files)
    return usual if file is None or file in usual else (*usual, file)


def write_path(file: Path | None = None, *, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the file that changes are written to."""
    return authoritative_path(environment) or file or local_path(str(FILES[-1]))
