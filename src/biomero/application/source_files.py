"""What to send: local files and folders, taken apart into regular files."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from biomero.application.ports.transfer import FileToSend
from biomero.domain.file_names import check_name
from biomero.errors import InputError, UnsafePathError

BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One regular file to send: where it is, its name at the far end, and whether it is a program."""

    path: Path
    name: str
    is_executable: bool


def source_files(files: Iterable[FileToSend]) -> Iterator[SourceFile]:
    """Yield the regular files behind what is to be sent, taking the next item only when asked for it.

    A folder gives the files below it, sorted by name; folders with nothing in them are not sent.
    What the caller names is followed wherever it points. Links below a folder are followed inside of
    it and refused out of it.

    Raises
    ------
    InputError
        If something is missing, neither file nor folder, or two files have one name.
    UnsafePathError
        If a name is not safe, or a link leads out of its folder or in a circle.
    """
    seen: set[str] = set()
    for item in files:
        for source in _below(item):
            if source.name in seen:
                raise InputError(f"two files would be sent as {source.name!r}; the second is {source.path}")
            seen.add(source.name)
            yield source


@contextmanager
def opened(source: SourceFile) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Open a file for sending: its size, and its bytes in blocks, exactly that many.

    Raises
    ------
    InputError
        If the file cannot be read, or becomes shorter while it is read.
    """
    try:
        stream = source.path.open("rb")
    except OSError as exc:
        raise InputError(f"{source.path} cannot be sent: {exc}") from exc
    with stream:
        size = os.fstat(stream.fileno()).st_size
        yield size, _exactly(stream, size, source.path)


def sha256_of(path: Path, *, first_bytes: int | None = None) -> str:
    """Return the SHA-256 of a file, or of its first bytes."""
    digest = hashlib.sha256()
    left = first_bytes
    with path.open("rb") as stream:
        while left is None or left > 0:
            block = stream.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left))
            if not block:
                break
            digest.update(block)
            left = None if left is None else left - len(block)
    return digest.hexdigest()


def _exactly(stream: BinaryIO, size: int, path: Path) -> Iterator[bytes]:
    left = size
    while left:
        try:
            block = stream.read(min(BLOCK_BYTES, left))
        except OSError as exc:
            raise InputError(f"{path} cannot be read: {exc}") from exc
        if not block:
            raise InputError(f"{path} became shorter while it was sent: {left} of {size} bytes are missing")
        left -= len(block)
        yield block


def _below(item: FileToSend) -> Iterator[SourceFile]:
    try:
        root = item.path.resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        raise InputError(f"{item.path} cannot be sent: {exc}") from exc
    yield from _walk(root, check_name(item.name), root, ())


def _walk(path: Path, name: str, root: Path, above: tuple[Path, ...]) -> Iterator[SourceFile]:
    try:
        mode = path.stat().st_mode
        entries = sorted(os.scandir(path), key=lambda entry: entry.name) if stat.S_ISDIR(mode) else []
    except OSError as exc:
        raise InputError(f"{path} cannot be sent: {exc}") from exc
    if stat.S_ISREG(mode):
        yield SourceFile(path=path, name=check_name(name), is_executable=bool(mode & stat.S_IXUSR))
    elif not stat.S_ISDIR(mode):
        raise InputError(f"{path} is neither a file nor a folder")
    elif path in above:
        raise UnsafePathError(f"{path} contains itself through a symbolic link")
    for entry in entries:
        child = _inside(entry, root) if entry.is_symlink() else path / entry.name
        yield from _walk(child, f"{name}/{entry.name}", root, (*above, path))


def _inside(link: os.DirEntry[str], root: Path) -> Path:
    try:
        target = Path(link.path).resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        raise InputError(f"{link.path} cannot be sent: {exc}") from exc
    if not target.is_relative_to(root):
        raise UnsafePathError(f"{link.path} is a symbolic link out of {root}; send what it points to instead")
    return target
