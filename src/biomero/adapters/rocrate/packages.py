"""Putting files into a crate: each is hashed while its bytes go by."""

from __future__ import annotations

import hashlib
import io
import time
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from biomero.application.ports.crate import Packed
from biomero.errors import UnsafePathError

_BLOCK = 1 << 20
_FIRST_YEAR = 1980  # ZIP knows no earlier time
_TEXTS = frozenset({".csv", ".html", ".json", ".log", ".tsv", ".txt"})
"""What is worth being compressed: images are already."""


class FolderPackage:
    """A crate as a folder; see `CratePackage`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add_file(self, source: Path, place: str) -> Packed:
        """See `CratePackage.add_file`."""
        with source.open("rb") as stream:
            return self._add(stream, place)

    def add_bytes(self, content: bytes, place: str) -> Packed:
        """See `CratePackage.add_bytes`."""
        return self._add(io.BytesIO(content), place)

    def _add(self, stream: IO[bytes], place: str) -> Packed:
        path = self._folder.joinpath(*_safe(place).parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as copy:
            return _copied(stream, copy)


class ZipPackage:
    """A crate as a ZIP archive of any size; see `CratePackage`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add_file(self, source: Path, place: str) -> Packed:
        """See `CratePackage.add_file`."""
        with source.open("rb") as stream:
            return self._add(stream, place, source.stat().st_mtime)

    def add_bytes(self, content: bytes, place: str) -> Packed:
        """See `CratePackage.add_bytes`."""
        return self._add(io.BytesIO(content), place, time.time())

    def _add(self, stream: IO[bytes], place: str, modified: float) -> Packed:
        moment = time.localtime(modified)
        entry = zipfile.ZipInfo(
            str(_safe(place)), moment[:6] if moment.tm_year >= _FIRST_YEAR else (_FIRST_YEAR, 1, 1, 0, 0, 0)
        )
        entry.external_attr = 0o100644 << 16  # a regular file that everybody may read
        is_text = PurePosixPath(place).suffix.lower() in _TEXTS
        entry.compress_type = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
        with self._archive.open(entry, "w", force_zip64=True) as copy:
            return _copied(stream, copy)


def _safe(place: str) -> PurePosixPath:
    path = PurePosixPath(place)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise UnsafePathError(f"{place!r} would lie outside of the crate")
    return path


def _copied(stream: IO[bytes], copy: IO[bytes]) -> Packed:
    digest, size = hashlib.sha256(), 0
    while block := stream.read(_BLOCK):
        copy.write(block)
        digest.update(block)
        size += len(block)
    return Packed(sha256=digest.hexdigest(), size=size)
