"""What is in a zip on the cluster, read from here: no tool's listing is trusted.

A zip ends with a table of what is in it. Python reads that table through this file, which fetches the bytes
that it asks for; the rest of the archive stays where it is.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from biomero.application.script_api.session import ScriptSession
from biomero.errors import InputError, RemoteCommandError, UnsafePathError

_SIZE = 'wc -c <"$1"'
_READ = 'tail -c "+$2" -- "$1" | head -c "$3"'
_BLOCK = 1 << 18
_UNIX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveListing:
    """What is in an archive.

    Parameters
    ----------
    wanted
        Names in its uppermost folder that match the patterns, each once.
    others
        The other names there.
    size
        Bytes of everything, unpacked.
    """

    wanted: tuple[str, ...]
    others: tuple[str, ...]
    size: int


def list_archive(session: ScriptSession, path: str, patterns: Sequence[str]) -> ArchiveListing:
    """Read what is in a zip, and refuse what could leave the folder that it is unpacked to.

    Raises
    ------
    InputError
        If there is no such file, or it is no zip.
    UnsafePathError
        If a name in it is absolute or has ``..``, or if it has symbolic links or special files.
    """
    sized = session.run(_SIZE, path)
    if not sized.ok:
        raise InputError(f"there is no file {path} on the cluster")
    try:
        with zipfile.ZipFile(_RemoteBytes(session, path, int(sized.stdout.split()[-1]))) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as exc:
        raise InputError(f"{path} is not a whole zip: {exc}") from exc
    tops: dict[str, None] = {}
    for member in members:
        top = _check(path, member)
        if top:
            tops[top] = None
    wanted = tuple(name for name in tops if any(fnmatchcase(name, pattern) for pattern in patterns))
    return ArchiveListing(
        wanted=wanted,
        others=tuple(name for name in tops if name not in set(wanted)),
        size=sum(member.file_size for member in members),
    )


def _check(path: str, member: zipfile.ZipInfo) -> str:
    """Return the uppermost part of a member's name, if nothing is wrong with it."""
    # The name as it is written: `filename` is cut at a NUL.
    name = member.orig_filename
    parts = name.removesuffix("/").split("/")
    kind = stat.S_IFMT(member.external_attr >> 16) if member.create_system == _UNIX else 0
    if parts == ["."]:
        return ""
    is_odd = any(part in {"", ".", ".."} for part in parts) or "\\" in name or "\0" in name
    if is_odd or (len(name) > 1 and name[1] == ":"):
        raise UnsafePathError(f"{path} is refused: it has {name!r}, which could leave its folder")
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise UnsafePathError(f"{path} is refused: {name!r} in it is a link or a special file")
    return parts[0]


class _RemoteBytes(io.RawIOBase):
    """A file on the cluster that can be read at any place."""

    def __init__(self, session: ScriptSession, path: str, size: int) -> None:
        self._session = session
        self._path = path
        self._size = size
        self._at = 0
        self._block = (0, b"")

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("before the beginning")
        self._at = start + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(self._size - self._at, 0)
        count = left if size < 0 else min(size, left)
        start, block = self._block
        if not start <= self._at <= self._at + count <= start + len(block):
            # The table is read from its end on: what lies before comes along.
            start = max(min(self._at, self._size - _BLOCK), 0)
            block = self._fetch(start, max(self._at + count - start, min(_BLOCK, self._size - start)))
            self._block = (start, block)
        found = block[self._at - start : self._at - start + count]
        self._at += len(found)
        return found

    def _fetch(self, start: int, count: int) -> bytes:
        result = self._session.run(_READ, self._path, str(start + 1), str(count), timeout_s=300)
        if not result.ok:
            raise RemoteCommandError(f"{self._path} cannot be read: {result.stderr.strip()}")
        return result.stdout.encode(errors="surrogateescape")
