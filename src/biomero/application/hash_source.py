"""The identity of an input: the SHA-256 of what its file or folder holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from biomero.application.results_folder import listing_sha256
from biomero.errors import ImageReadError


def hash_source(path: Path) -> str:
    """Return the SHA-256 of a file, or for a folder that of its files' names and hashes.

    Raises
    ------
    ImageReadError
        If something cannot be read.
    """
    if not path.is_dir():
        return _hash_file(path)
    return hash_of_parts(path, {file: _hash_file(file) for file in files_of(path)})


def files_of(folder: Path) -> list[Path]:
    """Return the files of an input that is a folder, in the order in which they are hashed."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def hash_of_parts(folder: Path, digests: dict[Path, str]) -> str:
    """Return the SHA-256 of a folder, given that of each of `files_of`, in their order.

    Each line of the list is as ``sha256sum`` would print it.
    """
    lines: Iterable[tuple[bytes, str]] = (
        (os.fsencode(file.relative_to(folder)), digest) for file, digest in digests.items()
    )
    return listing_sha256(lines)


def _hash_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise ImageReadError(f"{path} cannot be read: {exc.strerror}") from exc
