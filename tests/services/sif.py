"""Container images of our workflows, built here: no registry, no root.

The file system is the packages of Debian that Python needs, unpacked; on top come the workflow's
requirements as wheels and its folder. Apptainer makes one file of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from services.debian import DebianError, PackageSource, make_readable_by_all, run

_RECIPE = 2
"""Goes up when the images of the same folder come out differently."""

_RELEASE = "bookworm"
_PYTHON = "3.11"
_BASE_PACKAGES = ("python3-minimal", "libpython3-stdlib", "dash", "coreutils", "libstdc++6")
_SITE = "/app-packages"
_ENVIRONMENT = f"export PYTHONPATH=/app:{_SITE} LC_ALL=C.UTF-8\n"


class ImageBuildError(Exception):
    """An image could not be built; the message holds the tool's last lines."""


def build_workflow_sif(
    apptainer: Path,
    workflow_folder: Path,
    target: Path,
    *,
    program: tuple[str, ...] | None = None,
    cache: Path | None = None,
) -> Path:
    """Build the image of a workflow's folder; one that was built from the same content stays.

    Parameters
    ----------
    workflow_folder
        Holds the code, and ``requirements.txt`` or ``pyproject.toml`` with what it needs.
    program
        What the entry point starts, in the folder: ``("nuclei.py",)`` or ``("-m", "nuclei")``; the
        descriptor's command line says it when this does not.
    cache
        Keeps the base file system for the next image; beside `target` if not given.
    """
    content = hashlib.sha256(f"{_RECIPE} {program} {_digest(workflow_folder)}".encode()).hexdigest()
    stamp = target.with_name(f".{target.name}.made-from")
    if target.exists() and stamp.exists() and stamp.read_text() == content:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as made:
        root = Path(made) / "root"
        base = python_file_system(cache or target.parent / ".base")
        run("cp", "-a", "--reflink=auto", str(base), str(root))
        shutil.copytree(
            workflow_folder,
            root / "app",
            ignore=shutil.ignore_patterns("__pycache__", ".*", "tests"),
            symlinks=True,
        )
        _install_requirements(workflow_folder, root / _SITE.lstrip("/"))
        words = program or _program_of(workflow_folder)
        started = ("python3", *words) if words[0] == "-m" else ("python3", f"/app/{words[0]}", *words[1:])
        pack(
            apptainer,
            root,
            target,
            start=started,
            environment=_ENVIRONMENT,
            compiled=("/app", _SITE),
            working_folder="/app",
        )
    stamp.write_text(content)
    return target


def pack(
    apptainer: Path,
    root: Path,
    target: Path,
    *,
    start: tuple[str, ...],
    environment: str = "",
    compiled: tuple[str, ...] = (),
    working_folder: str | None = None,
) -> None:
    """Make a SIF of a file system whose entry point runs `start` with the arguments given to it.

    Parameters
    ----------
    compiled
        Folders inside whose Python code is compiled beforehand: the finished image is read-only.
    working_folder
        Where programs start that are named instead of the entry point; kept as a label.
    """
    settings = root / ".singularity.d"
    (settings / "env").mkdir(parents=True, exist_ok=True)
    (settings / "env/90-environment.sh").write_text(f"#!/bin/sh\n{environment}")
    (settings / "runscript").write_text(f'#!/bin/sh\nexec {shlex.join(start)} "$@"\n')
    for script in ("env/90-environment.sh", "runscript"):
        (settings / script).chmod(0o755)
    labels = {"biomero.working-folder": working_folder} if working_folder else {}
    (settings / "labels.json").write_text(json.dumps(labels))
    make_readable_by_all(root)
    if compiled:
        compile_all = ("python3", "-m", "compileall", "-q", "-j", "2", *compiled)
        _apptainer(apptainer, "exec", "--writable", "--contain", "--no-home", str(root), *compile_all)
    # Quick to write and to read; smaller would cost minutes
    fast = "-comp zstd -Xcompression-level 1 -no-xattrs"
    partial = target.with_name(f".{target.name}.partial")
    _apptainer(apptainer, "build", "--force", "--mksquashfs-args", fast, str(partial), str(root))
    partial.chmod(0o644)
    partial.rename(target)


def python_file_system(cache: Path) -> Path:
    """Return a folder with a small Debian that can run Python and a shell, made once."""
    root = cache / f"python{_PYTHON}"
    if root.exists():
        return root
    packages = cache / "packages"
    partial = cache / f"python{_PYTHON}.{os.getpid()}.partial"
    # Debian's loaders and shells are named by /lib64 and /bin
    for name in ("bin", "sbin", "lib", "lib64"):
        (partial / "usr" / name).mkdir(parents=True)
        (partial / name).symlink_to(f"usr/{name}")
    try:
        with PackageSource(packages, release=_RELEASE) as debian:
            debian.unpack(debian.closure(*_BASE_PACKAGES), partial)
        for unneeded in ("doc", "man", "locale", "info", "perl5"):
            shutil.rmtree(partial / "usr/share" / unneeded, ignore_errors=True)
        (partial / "usr/bin/python").symlink_to("python3")
        for folder in ("etc", "tmp", "proc", "sys", "dev", "root", "home", "var/tmp"):
            (partial / folder).mkdir(parents=True, exist_ok=True)
        (partial / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (partial / "etc/group").write_text("root:x:0:\n")
        make_readable_by_all(partial)
        partial.rename(root)
    finally:
        shutil.rmtree(packages, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)
    return root


def _install_requirements(workflow_folder: Path, site: Path) -> None:
    """Install wheels for the image's Python, whichever Python this is."""
    site.mkdir(parents=True)
    requirements = workflow_folder / "requirements.txt"
    wanted: tuple[str, ...]
    if requirements.exists():
        wanted = ("--requirement", str(requirements))
    elif (workflow_folder / "pyproject.toml").exists():
        wanted = (str(workflow_folder),)
    else:
        return
    uv = shutil.which("uv") or str(Path(sysconfig.get_path("scripts")) / "uv")
    machine = f"{os.uname().machine}-manylinux_2_28"
    try:
        run(
            *(uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(site)),
            *("--python-version", _PYTHON, "--python-platform", machine, "--only-binary", ":all:"),
            *("--link-mode", "copy", *wanted),
        )
    except DebianError as exc:
        raise ImageBuildError(f"the requirements of {workflow_folder} cannot be installed: {exc}") from exc
    for tests in sorted(site.rglob("tests")):
        shutil.rmtree(tests, ignore_errors=True)


def _program_of(workflow_folder: Path) -> tuple[str, ...]:
    """Return what the descriptor's command line starts with Python."""
    descriptor = json.loads((workflow_folder / "descriptor.json").read_text())
    words = shlex.split(descriptor["command-line"])
    return (words[1], words[2]) if words[1] == "-m" else (words[1],)


def _apptainer(apptainer: Path, *words: str) -> None:
    done = subprocess.run([apptainer, *words], capture_output=True, check=False, cwd="/")
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-8:]
        raise ImageBuildError(f"apptainer {words[0]} failed: {' | '.join(said)}")


def _digest(folder: Path) -> str:
    """Return a hash of every file below a folder, by name and content."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        total.update(
            f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
        )
    return total.hexdigest()
