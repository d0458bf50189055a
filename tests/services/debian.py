"""Packages of Debian, fetched and unpacked into a folder without installing anything."""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self


class DebianError(Exception):
    """Packages cannot be had; the message says what was tried."""


class PackageSource:
    """One release of Debian, from the mirror that this machine's apt uses, with lists of its own.

    Parameters
    ----------
    folder
        Takes the lists and the packages; what is there from last time is used.
    release
        Such as ``sid`` or ``bookworm``.
    """

    def __init__(self, folder: Path, *, release: str) -> None:
        self._folder = folder
        self._release = release

    def __enter__(self) -> Self:
        """Fetch the release's package lists."""
        for name in ("lists/partial", "archives/partial"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "status").touch()
        (self._folder / "sources.list").write_text(f"deb {mirror()} {self._release} main\n")
        self._apt("update")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left running."""

    def closure(self, *packages: str) -> frozenset[str]:
        """Return the names of packages and all that they need, as if nothing were installed."""
        plan = self._apt("--simulate", "--no-install-recommends", "install", *packages)
        return frozenset(line.split()[1] for line in plan.splitlines() if line.startswith("Inst "))

    def unpack(self, packages: Collection[str], target: Path) -> None:
        """Unpack packages below a folder, without running any of their scripts."""
        archives = self._folder / "archives"
        self._apt("download", *sorted(packages), cwd=archives)
        target.mkdir(parents=True, exist_ok=True)
        for name in sorted(packages):
            archive = max(archives.glob(f"{name}_*.deb"))
            content = subprocess.run(
                ["dpkg-deb", "--fsys-tarfile", archive], capture_output=True, check=False
            ).stdout
            # Older packages still hold /lib; the links that lead it to /usr/lib must survive.
            run("tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(target), stdin=content)

    def _apt(self, *words: str, cwd: Path | None = None) -> str:
        here = self._folder.resolve()
        options = {
            "Dir::Etc::sourcelist": here / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State": here,
            "Dir::State::lists": here / "lists",
            "Dir::State::status": here / "status",
            "Dir::Cache": here,
            "Dir::Cache::archives": here / "archives",
            # apt would hand the download to a user who may not write here
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return run("apt-get", "-qq", *settings, *words, cwd=cwd)


def run(*argv: str, stdin: bytes = b"", cwd: Path | None = None) -> str:
    """Run a program and return its output; raise `DebianError` with its last words when it fails."""
    try:
        done = subprocess.run(argv, input=stdin, cwd=cwd, capture_output=True, check=False)
    except FileNotFoundError as exc:
        raise DebianError(f"{argv[0]} is not on this machine") from exc
    if done.returncode != 0:
        said = (done.stderr + done.stdout).decode(errors="replace").strip().splitlines()[-5:]
        raise DebianError(f"{' '.join(argv[:1] + argv[-2:])} failed: {' | '.join(said)}")
    return done.stdout.decode()


def make_readable_by_all(folder: Path) -> None:
    """Let every user read a tree and start its programs."""
    run("chmod", "-R", "a+rX,u+w", str(folder))


def release_of_this_machine() -> str:
    """Return the code name of the Debian that this machine runs."""
    facts = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    if facts.get("ID", "").strip('"') != "debian":
        raise DebianError(f"this is {facts.get('PRETTY_NAME', 'not Debian')}, whose packages do not fit")
    return facts["VERSION_CODENAME"].strip('"')


def mirror() -> str:
    """Return the mirror that apt fetches this machine's release from."""
    release = release_of_this_machine()
    targets = run(
        "apt-get",
        "indextargets",
        "--no-release-info",
        "--format",
        "$(REPO_URI) $(RELEASE)",
        "Created-By: Packages",
    )
    for line in targets.splitlines():
        address, name = line.split()[:2]
        if name == release:
            return address
    raise DebianError(f"apt has no source for {release}; /etc/apt/sources.list should name one")
