"""Many files as one stream, both ways: GNU tar, as its names are plain bytes of any length."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator

from biomero.application.arrivals import Arrivals
from biomero.application.ports.transfer import Progress, RemoteFile
from biomero.application.source_files import BLOCK_BYTES, SourceFile, opened
from biomero.errors import TransferError, UnsafePathError

LONGEST_NAME_BYTES = 64 * 1024
END = bytes(2 * tarfile.BLOCKSIZE)


def tar_stream(
    files: Iterable[SourceFile], sent: Callable[[RemoteFile], None], *, progress: Progress | None = None
) -> Iterator[bytes]:
    """Yield files as a tar stream, in pieces of about a mebibyte; hash them on the way.

    Each file is opened only when the one before has been read to its end.
    """
    pending = bytearray()
    for file in files:
        with opened(file) as (size, blocks):
            pending += header(file.name, size, is_executable=file.is_executable)
            digest = hashlib.sha256()
            for block in blocks:
                digest.update(block)
                pending += block
                if progress is not None:
                    progress(len(block))
                if len(pending) >= BLOCK_BYTES:
                    yield bytes(pending)
                    pending.clear()
            pending += bytes(-size % tarfile.BLOCKSIZE)
        sent(RemoteFile(name=file.name, size=size, sha256=digest.hexdigest()))
    yield bytes(pending + END)


def header(name: str, size: int, *, is_executable: bool) -> bytes:
    """Return what stands before a file in the stream; ``./`` keeps a leading ``-`` from meaning anything."""
    entry = tarfile.TarInfo(f"./{name}")
    entry.size = size
    entry.mode = 0o777 if is_executable else 0o666  # the far end's umask takes away from it
    return entry.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def receive_tar(
    read: Callable[[], bytes], names: Collection[str], arrivals: Arrivals, *, progress: Progress | None = None
) -> None:
    """Take in the files of a tar stream; only what was asked for is let in, and only regular files.

    Parameters
    ----------
    read
        Returns the next bytes of the stream, as many as there are, or nothing at its end.

    Raises
    ------
    UnsafePathError
        If there is anything else: another name, a name twice, a link, a folder, a device.
    TransferError
        If the stream is damaged or ends too early.
    """
    missing = set(names)
    source = _Source(read)
    try:
        for entry in _entries(source):
            name = entry.name.removeprefix("./")
            if entry.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
                raise UnsafePathError(f"{name!r} is no regular file at the far end; it is not fetched")
            if name not in missing:
                raise UnsafePathError(f"the far end sent {name!r}, which was not asked for or came already")
            missing.discard(name)
            arrivals.write(name, source.pieces(entry.size), progress=progress)
            source.skip_padding(entry.size)
    except tarfile.TarError as exc:
        raise TransferError(f"the stream from the far end is damaged: {exc}") from exc
    if missing:
        raise TransferError(f"{len(missing)} files did not come, such as {min(missing)!r}")


class _Source:
    """Takes exact numbers of bytes out of what comes; `tarfile`'s own copies its buffer at every turn."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._chunk = b""
        self._position = 0

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes."""
        while size:
            if self._position == len(self._chunk):
                self._chunk, self._position = self._read(), 0
                if not self._chunk:
                    raise TransferError("the stream from the far end ends too early")
            piece = self._chunk[self._position : self._position + min(size, BLOCK_BYTES)]
            self._position += len(piece)
            size -= len(piece)
            yield piece

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        return b"".join(self.pieces(size))

    def skip_padding(self, size: int) -> None:
        """Pass over what fills the last block of a file."""
        self.take(-size % tarfile.BLOCKSIZE)


def _entries(source: _Source) -> Iterator[tarfile.TarInfo]:
    """Yield the headers of a stream in GNU's format; a long name comes in an entry before its file."""
    long_name: str | None = None
    while (block := source.take(tarfile.BLOCKSIZE)) != bytes(tarfile.BLOCKSIZE):
        entry = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if entry.type == tarfile.GNUTYPE_LONGNAME:
            if not 0 < entry.size <= LONGEST_NAME_BYTES:
                raise TransferError(f"the far end sent a name of {entry.size} bytes")
            long_name = source.take(entry.size).rstrip(b"\0").decode(errors="surrogateescape")
            source.skip_padding(entry.size)
            continue
        if long_name is not None:
            entry.name, long_name = long_name, None
        if entry.size < 0:
            raise TransferError(f"the far end sent a file of {entry.size} bytes")
        yield entry
