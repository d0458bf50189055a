"""The version of a workflow that is only a folder: the hash of what it holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_MAX_FILES = 5_000
_MAX_BYTES = 250_000_000
_LENGTH = 16


def folder_version(folder: Path, descriptor_file: Path) -> str:
    """Return a short hash of names and contents, equal for equal folders on any machine.

    Hidden folders and what Python leaves behind do not count. Of a folder that is too large to be a
    workflow (a descriptor among data, say) only the descriptor counts; then the hash says so.
    """
    digest = hashlib.sha256()
    size = 0
    for count, path in enumerate(_files(folder)):
        content = os.fsencode(path.readlink()) if path.is_symlink() else None
        size += path.lstat().st_size
        if count >= _MAX_FILES or size > _MAX_BYTES:
            return f"descriptor-{_hash_of(descriptor_file)[:_LENGTH]}"
        entry = hashlib.sha256(content).hexdigest() if content is not None else _hash_of(path)
        name = os.fsencode(path.relative_to(folder))
        kind = b"link" if content is not None else b"file"
        digest.update(b"%s %d %s %s\n" % (kind, len(name), name, entry.encode()))
    return digest.hexdigest()[:_LENGTH]


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n != "__pycache__")
        linked = [n for n in folders if (Path(parent) / n).is_symlink()]
        for name in sorted([*names, *linked]):
            path = Path(parent) / name
            if not name.endswith(".pyc") and (path.is_symlink() or path.is_file()):
                yield path


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
