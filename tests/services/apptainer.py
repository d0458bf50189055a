"""A real Apptainer, unpacked from Debian's own packages: nothing is installed and no root is needed.

Debian's stable releases carry no Apptainer, its unstable one does, built against a newer C library. So the
packages of unstable are fetched from the mirror that apt uses here already, unpacked below one folder
together with the libraries they need, and their programs are told to use those libraries.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.debian import DebianError, PackageSource, make_readable_by_all, run

_WANTED = ("apptainer", "squashfs-tools", "squashfuse", "patchelf")

_UNNEEDED = frozenset(
    {
        "ca-certificates",
        "containernetworking-plugins",
        "debconf",
        "openssl",
        "openssl-provider-legacy",
        "uidmap",
    }
)
"""Dependencies of networks and of set-uid helpers; tests use user namespaces and the host's network."""

_FUSE = Path("/dev/fuse")


class ApptainerMissingError(Exception):
    """Apptainer cannot be had on this machine; the message says why."""


def ensure_apptainer(folder: Path) -> Path:
    """Return the path of an ``apptainer`` that works, also for users without rights.

    The one on PATH is used where there is one. Otherwise it is made below `folder`, once.

    Parameters
    ----------
    folder
        Where it is kept between test sessions. Other users must be able to reach it; the place is built
        into the programs, so that the folder cannot be moved.

    Raises
    ------
    ApptainerMissingError
        If it is neither here nor to be had.
    """
    found = shutil.which("apptainer")
    if found and _works(Path(found)):
        return Path(found)
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.parent / f".{folder.name}.lock"):
        program = folder / "usr/bin/apptainer"
        if not ((folder / ".complete").exists() and _works(program)):
            try:
                _make(folder)
            except (DebianError, OSError) as exc:
                raise ApptainerMissingError(f"no Apptainer can be made in {folder}: {exc}") from exc
            if not _works(program):
                raise ApptainerMissingError(f"{program} was made but does not run")
            (folder / ".complete").touch()
    _let_users_mount()
    return program


def _make(folder: Path) -> None:
    """Fetch, unpack and adapt the packages."""
    shutil.rmtree(folder, ignore_errors=True)
    packages = folder / "packages"
    with PackageSource(packages, release="sid") as debian:
        debian.unpack(debian.closure(*_WANTED) - _UNNEEDED, folder)
    shutil.rmtree(packages)
    _use_own_libraries(folder)
    _configure(folder)
    make_readable_by_all(folder)


def _use_own_libraries(folder: Path) -> None:
    """Make each program load the C library that came with it, not the machine's older one."""
    loader = _one(folder, "usr/lib*/ld-linux-*.so.*")
    libraries = _one(folder, "usr/lib/*/libc.so.6").parent
    starter = _one(folder, "usr/lib/*/apptainer/bin/starter")
    names = ("apptainer", "mksquashfs", "unsquashfs", "squashfuse", "squashfuse_ll")
    programs = [starter, *(folder / "usr/bin" / name for name in names)]
    patchelf = (str(loader), "--library-path", str(libraries), str(folder / "usr/bin/patchelf"))
    for program in programs:
        run(
            *patchelf,
            *("--set-interpreter", str(loader)),
            *("--force-rpath", "--set-rpath", str(libraries)),
            str(program),
        )


def _configure(folder: Path) -> None:
    """Put settings and session folders where a moved Apptainer looks for them."""
    # It takes its prefix from where it lies; Debian's library folder makes the starter look one level deeper.
    (folder / "usr/etc").symlink_to("../etc")
    (folder / "usr/lib/etc").symlink_to("../../etc")
    for base in ("usr", "usr/lib"):
        (folder / base / "var/lib/apptainer/mnt/session").mkdir(parents=True)
    settings = folder / "etc/apptainer/apptainer.conf"
    kept = [
        line
        for line in settings.read_text().splitlines()
        if not line.startswith(("binary path", "root default capabilities"))
    ]
    # A root without every capability (in a container, a virtual machine) cannot ask for the full set.
    kept += [
        "root default capabilities = file",
        f"binary path = {folder}/usr/bin:$PATH:/usr/sbin:/usr/bin:/sbin:/bin",
    ]
    settings.write_text("\n".join(kept) + "\n")
    (folder / "usr/bin/singularity").symlink_to("apptainer")


def _let_users_mount() -> None:
    """Let users mount images with FUSE, where root may say so; without it images are unpacked each time."""
    if os.geteuid() != 0:
        return
    if not _FUSE.exists():
        os.mknod(_FUSE, stat.S_IFCHR | 0o666, os.makedev(10, 229))
    _FUSE.chmod(0o666)


def _works(program: Path) -> bool:
    """Tell whether the program starts here."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _one(folder: Path, pattern: str) -> Path:
    """Return what matches; that nothing does means that Debian has changed its layout."""
    found = sorted(folder.glob(pattern))
    if not found:
        raise DebianError(f"the packages of {platform.machine()} hold no {pattern}")
    return found[0]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.stdout.write(f"{ensure_apptainer(Path(sys.argv[1]))}\n")
