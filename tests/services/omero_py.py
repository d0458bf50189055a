"""Environments with a release of omero-py each, made once a clone; Ice for Python is built once a machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from services.packages import ensure_packages, machine_lock

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD_PACKAGES = ("g++", "libssl-dev", "libbz2-dev", "openssl")  # the last for certificates
RELEASES = ("5.19.8", "5.20.0", "5.21.3", "5.22.1", "5.23.0")
"""The last of each minor release that the processor promises to run with."""
CURRENT = RELEASES[-1]
"""Its environment has the whole of BIOMERO, too; older ones want another numpy."""
_FOLDER = REPOSITORY / ".test-env"


CLIENTS = ("ezomero", "omero-cli-zarr", "omero-metadata", "tables")
"""What our users run against OMERO besides omero-py itself; the last is for tables at the server's side."""


def ensure_all() -> None:
    """Make every environment."""
    ensure_packages(BUILD_PACKAGES)
    for release in RELEASES:
        ensure_environment(release)
    ensure_clients()


def ensure_here() -> None:
    """Have Ice and the locked omero-py in this environment, too, beside what is there."""
    wheel = ensure_wheel()
    with machine_lock():
        if importlib.util.find_spec("Ice") is None:
            _run(_uv(), "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, str(wheel))
        if importlib.util.find_spec("omero") is None:
            only_this = ("--locked", "--inexact", "--extra", "omero", "--no-install-package", "zeroc-ice")
            environment = {"UV_PROJECT_ENVIRONMENT": sys.prefix}
            _run(_uv(), "sync", "--quiet", "--project", str(REPOSITORY), *only_this, **environment)


def ensure_wheel() -> Path:
    """Return the wheel of Ice for this Python, built if it is not in the cache."""
    program = REPOSITORY / "deploy" / "ice" / "build_wheel.py"
    return Path(_run(sys.executable, str(program)).strip())


def ensure_environment(release: str) -> Path:
    """Return the interpreter of the environment of a release of omero-py."""
    folder = _FOLDER / f"omero-py-{release}"
    python = folder / "bin" / "python"
    wheel = ensure_wheel()
    with machine_lock():
        if not (folder / ".ready").is_file():
            _run(_uv(), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
            install = (_uv(), "pip", "install", "--quiet", "--python", str(python))
            # other accounts run it, too, and cannot keep what they compile
            _run(*install, "--compile-bytecode", str(wheel), f"omero-py=={release}")
            only_us = () if release == CURRENT else ("--no-deps",)
            _run(*install, *only_us, "--editable", str(REPOSITORY))
            (folder / ".ready").touch()
    return python


def ensure_clients() -> Path:
    """Return the interpreter of an environment with clients of OMERO, unmodified, and without BIOMERO."""
    folder = _FOLDER / "omero-clients"
    python = folder / "bin" / "python"
    wheel = ensure_wheel()
    with machine_lock():
        if not (folder / ".ready").is_file():
            _run(_uv(), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
            install = (_uv(), "pip", "install", "--quiet", "--python", str(python), "--compile-bytecode")
            _run(*install, str(wheel), f"omero-py=={CURRENT}", *CLIENTS)
            (folder / ".ready").touch()
    return python


def _uv() -> str:
    return shutil.which("uv") or str(Path(sysconfig.get_path("scripts")) / "uv")


def _run(*argv: str, **environment: str) -> str:
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv[:3])} failed: {done.stderr[-3000:]}")
    return done.stdout
