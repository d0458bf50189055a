"""Bytes at a place in a file, all of them or a clear error."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from biomero.errors import ImageReadError

_OPEN_AT_ONCE = 16  # a set of OME-TIFF files may have thousands


class FileBytes:
    """Reads from one or more files, and keeps a few of them open."""

    def __init__(self) -> None:
        self._streams: dict[Path, BinaryIO] = {}

    def read(self, path: Path, offset: int, size: int) -> bytearray:
        """Return exactly `size` bytes from `offset`.

        Raises
        ------
        ImageReadError
            If the file ends before, or cannot be read.
        """
        try:
            buffer = bytearray(size)
            stream = self._stream(path)
            stream.seek(offset)
            filled = 0
            while filled < size:
                count = stream.readinto(memoryview(buffer)[filled:])  # type: ignore[attr-defined]  # raw files have it
                if not count:
                    break
                filled += count
        except OSError as exc:
            raise ImageReadError(f"{path} cannot be read: {exc.strerror or exc}") from exc
        if filled < size:
            raise ImageReadError(
                f"{path} is truncated: {size} bytes were expected at byte {offset}, but there are {filled}"
            )
        return buffer

    def close(self) -> None:
        """Close what is open."""
        while self._streams:
            self._streams.popitem()[1].close()

    def _stream(self, path: Path) -> BinaryIO:
        stream = self._streams.pop(path, None)
        if stream is None:
            if len(self._streams) >= _OPEN_AT_ONCE:
                oldest = next(iter(self._streams))
                self._streams.pop(oldest).close()
            stream = path.open("rb", buffering=0)
        self._streams[path] = stream  # to the end: the first one is the longest unused
        return stream
