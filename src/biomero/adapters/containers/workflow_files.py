"""The files of a workflow's folder, and what they add up to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from biomero.application.ports.transfer import FileToSend
from biomero.errors import ContainerImageError

_LEFT_OUT = frozenset(
    {".git", ".hg", ".venv", "venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox"}
)
"""What tools leave in a working copy; it is not the workflow."""

_HASH_LENGTH = 16
_OWN_FILES = re.compile(
    r"^\s*(-r|-c|-e|--requirement|--constraint|--editable|\.|/|file:)|@\s*file:", re.MULTILINE
)
"""Lines of a requirements file that speak of further files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFiles:
    """What is sent to where jobs run.

    Parameters
    ----------
    digest
        Hash over every file: name, executable bit and content.
    requirements
        ``requirements.txt``, ``pyproject.toml``, or empty.
    environment_key
        Hash of what the environment is made from.
    """

    files: tuple[FileToSend, ...]
    digest: str
    requirements: str
    environment_key: str

    @property
    def short_digest(self) -> str:
        """Enough of the hash to name a folder."""
        return self.digest[:_HASH_LENGTH]

    @classmethod
    def of(cls, folder: Path) -> WorkflowFiles:
        """Read a workflow's folder.

        Raises
        ------
        ContainerImageError
            If it cannot be read, or a link in it leads out of it.
        """
        try:
            files = tuple(_files(folder.resolve()))
            digest = _digest(files)
            requirements, key = _requirements(folder, digest)
        except OSError as exc:
            raise ContainerImageError(f"the workflow's folder {folder} cannot be read: {exc}") from exc
        return cls(files=files, digest=digest, requirements=requirements, environment_key=key[:_HASH_LENGTH])


def _files(folder: Path) -> Iterator[FileToSend]:
    """Go through the regular files of a folder, in a fixed order."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _LEFT_OUT)
        for name in sorted(names):
            path = Path(place) / name
            if not path.resolve().is_relative_to(folder):
                raise ContainerImageError(f"{path} is a link that leads out of the workflow's folder")
            if path.is_file():
                yield FileToSend(path=path.resolve(), name=path.relative_to(folder).as_posix())


def _digest(files: tuple[FileToSend, ...]) -> str:
    total = hashlib.sha256()
    for file in files:
        with file.path.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        executable = os.access(file.path, os.X_OK)
        total.update(os.fsencode(f"{file.name}\0{executable:d}\0{content}\n"))
    return total.hexdigest()


def _requirements(folder: Path, digest: str) -> tuple[str, str]:
    """Say what the environment is made from, and its hash.

    Requirements that name further files, and projects, depend on the whole folder.
    """
    requirements = folder / "requirements.txt"
    if requirements.is_file():
        text = requirements.read_text(encoding="utf-8", errors="replace")
        is_alone = not _OWN_FILES.search(text)
        return requirements.name, hashlib.sha256(text.encode()).hexdigest() if is_alone else digest
    if (folder / "pyproject.toml").is_file():
        return "pyproject.toml", digest
    return "", ""
