"""Receiving one large file into a local place, going on where an earlier attempt stopped."""

from __future__ import annotations

import hashlib
from pathlib import Path

from biomero.application.disk_errors import disk_errors
from biomero.application.ports.transfer import Progress, RemoteFile
from biomero.application.source_files import SourceFile, opened, sha256_of
from biomero.errors import TransferCorruptError

PART_SUFFIX = ".part"
"""What the name of a file that has not wholly arrived ends with."""


def part_of(path: Path) -> Path:
    """Where a file waits until it is whole."""
    return path.with_name(path.name + PART_SUFFIX)


def good_part_bytes(part: Path, source_size: int) -> int:
    """How many bytes of an earlier attempt could be kept, if they turn out to be the right ones."""
    size = part.stat().st_size if part.is_file() else 0
    return size if size <= source_size else 0


def copy_resumably(source: Path, target: Path, *, name: str, progress: Progress | None) -> RemoteFile:
    """Copy a file on this machine by way of ``<target>.part``, keeping what is right of it.

    Raises
    ------
    NoSpaceError, RemotePermissionError, TransferError
        What arrived stays in ``<target>.part``.
    TransferCorruptError
        What arrived is not what was sent; it is removed.
    """
    part = part_of(target)
    sent = hashlib.sha256()
    with (
        opened(SourceFile(path=source, name=name, is_executable=False)) as (size, blocks),
        disk_errors(target),
    ):
        target.parent.mkdir(parents=True, exist_ok=True)
        kept = good_part_bytes(part, size)
        if kept and sha256_of(part) != sha256_of(source, first_bytes=kept):
            kept = 0
        position = 0
        with part.open("ab") as stream:
            stream.truncate(kept)
            for block in blocks:
                sent.update(block)
                fresh = block[max(0, kept - position) :]
                position += len(block)
                stream.write(fresh)
                if progress is not None and fresh:
                    progress(len(fresh))
        if sha256_of(part) != sent.hexdigest():
            part.unlink()
            raise TransferCorruptError(f"{target} arrived damaged; try again")
        part.replace(target)
    return RemoteFile(name=name, size=size, sha256=sent.hexdigest())
