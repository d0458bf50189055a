"""Build the wheel of zeroc-ice 3.6.5 for the Python that runs this, once a machine; print where it is.

Its sources come from PyPI and are not changed: two headers of ours (``include/``) stand before Python's own.
See ``docs/how-to/omero-wheels.md``.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECIPE = "1"
"""To be counted up when a wheel that was built before must not be used any more."""
# Ice.py asks `imp`, which Python 3.12 took away, for one name only.
IMP = """'''What zeroc-ice 3.6.5 needs of the module that Python 3.12 took away.'''

from types import ModuleType as new_module
"""
TRY = "import Ice, IceGrid, Glacier2, IceStorm; assert Ice.stringVersion() == '3.6.5'"


class BuildError(Exception):
    """The wheel cannot be built; the message says why."""


def main() -> int:
    """Print the path of the wheel; build it first if it is not there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, default=default_cache(), help="folder for wheels (%(default)s)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="compilers at once")
    chosen = parser.parse_args()
    try:
        sys.stdout.write(f"{ensure_wheel(chosen.into.resolve(), jobs=chosen.jobs)}\n")
    except BuildError as exc:
        sys.stderr.write(f"zeroc-ice was not built: {exc}\n")
        return 1
    return 0


def default_cache() -> Path:
    """Return a folder outside of this clone: another clone finds the wheel there, too."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "biomero" / "wheels"


def ensure_wheel(cache: Path, *, jobs: int) -> Path:
    """Return the wheel for this Python; one process at a time builds what is missing.

    Raises
    ------
    BuildError
        If it cannot be built.
    """
    folder = cache / f"{_system()}-{platform.machine()}" / f"recipe-{RECIPE}"
    folder.mkdir(parents=True, exist_ok=True)
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    with (folder / f".lock-{tag}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = sorted(folder.glob(f"zeroc_ice-*-{tag}-*.whl"))
        return found[0] if found else _build(folder, jobs)


def _build(folder: Path, jobs: int) -> Path:
    for program in ("gcc", "g++"):
        if shutil.which(program) is None:
            raise BuildError(
                f"{program} is missing; on Debian: apt install g++ libssl-dev libbz2-dev python3-dev"
            )
    sys.stderr.write(f"building zeroc-ice 3.6.5 for Python {platform.python_version()}; some minutes, once\n")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        (notes := Path(scratch, "notes")).mkdir()
        argv = ("pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", scratch)
        # pip gets setuptools and wheel: fresh environments lack wheel (Debian's) or both (Python 3.12)
        argv += ("--use-pep517",)
        done = subprocess.run(
            [sys.executable, "-m", *argv, "--no-binary=zeroc-ice", "-r", str(HERE / "requirements.txt")],
            env={**os.environ, **_compiler(notes, jobs)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BuildError(f"pip said:\n{(done.stdout + done.stderr)[-4000:]}")
        (wheel,) = Path(scratch).glob("*.whl")
        if sys.version_info >= (3, 12):
            with zipfile.ZipFile(wheel, "a", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("imp.py", IMP)
        _try(wheel, Path(scratch, "try"))
        return wheel.rename(folder / wheel.name)


def _compiler(notes: Path, jobs: int) -> dict[str, str]:
    """Return the variables by which setuptools finds compiler and flags."""
    later = f"{sys.executable} {HERE / 'compile_later.py'}"
    return {
        "CC": f"{later} gcc",
        "CXX": f"{later} g++",
        # -O1: half the time of what Python was built with, and what Ice does is copying
        "CPPFLAGS": f"-I{HERE / 'include'} -g0 -O1",
        "LDFLAGS": "-Wl,-s",
        "COMPILE_LATER_FOLDER": str(notes),
        "COMPILE_LATER_JOBS": str(max(1, jobs)),
    }


def _try(wheel: Path, folder: Path) -> None:
    """Import what was built."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, "-c", TRY], env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"the new wheel cannot be used:\n{done.stderr[-2000:]}")


def _system() -> str:
    """Name the system: its OpenSSL is what the wheel is linked with."""
    try:
        facts = platform.freedesktop_os_release()
    except OSError:
        return "linux"
    return f"{facts.get('ID', 'linux')}-{facts.get('VERSION_ID', '')}"


if __name__ == "__main__":
    sys.exit(main())
