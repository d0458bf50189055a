"""The chain of page directories in a TIFF, walked to find where a file was cut.

tifffile reads what it can: from a file that was cut it returns the pages that are left, and says so in its
log only. So the chain is checked before.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from biomero.errors import ImageReadError

_TYPE_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_CLASSIC, _BIG = 42, 43
_NDPI_TAG = 65420  # Hamamatsu writes 8-byte links into classic files


@dataclass(frozen=True, slots=True)
class _Layout:
    """How numbers are stored in this file."""

    order: str
    count: str
    entry: str
    offset: str
    inline: int

    def unpack(self, code: str, raw: bytes) -> tuple[int, ...]:
        return struct.unpack(self.order + code, raw)


def count_pages(path: Path) -> int:
    """Walk all page directories and return how many there are.

    Raises
    ------
    ImageReadError
        If the file is no TIFF, or is cut before the end of a directory or of a value that it points to.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            return _Chain(path, stream, size).walk()
    except OSError as exc:
        raise ImageReadError(f"{path} cannot be read: {exc.strerror or exc}") from exc


class _Chain:
    def __init__(self, path: Path, stream: BinaryIO, size: int) -> None:
        self._path = path
        self._stream = stream
        self._size = size

    def walk(self) -> int:
        layout, offset = self._header()
        seen: set[int] = set()
        while offset:
            if offset in seen:
                raise ImageReadError(
                    f"{self._path} is damaged: page {len(seen) + 1} links back to page before it"
                )
            seen.add(offset)
            offset = self._directory(layout, offset, page=len(seen))
        if not seen:
            raise ImageReadError(f"{self._path} holds no page: whatever wrote it did not finish")
        return len(seen)

    def _header(self) -> tuple[_Layout, int]:
        if not self._size:
            raise ImageReadError(f"{self._path} is empty (0 bytes)")
        head = self._read(0, min(16, self._size), "its header")
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        version = struct.unpack(f"{order}H", head[2:4])[0] if order and len(head) >= 4 else None  # noqa: PLR2004
        if order and version not in {_CLASSIC, _BIG} and len(head) >= 4:  # noqa: PLR2004
            # variants that tifffile knows (raw photographs, for one) have their own numbers and layouts
            order = None
        if order is None:
            raise ImageReadError(f"{self._path} is not a TIFF file: it begins with {head[:4]!r}")
        if version == _BIG:
            layout = _Layout(order, "Q", "HHQQ", "Q", 8)
            start = 8
        else:
            layout = _Layout(order, "H", "HHLL", "L", 4)
            start = 4
        return layout, layout.unpack(layout.offset, self._read(start, layout.inline, "its header"))[0]

    def _directory(self, layout: _Layout, offset: int, *, page: int) -> int:
        what = f"the directory of page {page}"
        (entries,) = layout.unpack(
            layout.count, self._read(offset, struct.calcsize("=" + layout.count), what)
        )
        position = offset + struct.calcsize("=" + layout.count)
        width = struct.calcsize("=" + layout.entry)
        raw = self._read(position, entries * width, what)
        is_ndpi = False
        for start in range(0, len(raw), width):
            tag, kind, count, value = layout.unpack(layout.entry, raw[start : start + width])
            length = _TYPE_SIZES.get(kind, 0) * count
            is_ndpi = is_ndpi or tag == _NDPI_TAG
            if length > layout.inline and not is_ndpi:
                self._check(value, length, f"tag {tag} of page {page}")
        link = "Q" if is_ndpi else layout.offset
        return layout.unpack(link, self._read(position + len(raw), struct.calcsize("=" + link), what))[0]

    def _read(self, offset: int, length: int, what: str) -> bytes:
        self._check(offset, length, what)
        self._stream.seek(offset)
        return self._stream.read(length)

    def _check(self, offset: int, length: int, what: str) -> None:
        if offset + length > self._size:
            raise ImageReadError(
                f"{self._path} is truncated: {what} ends at byte {offset + length}, "
                f"but the file ends at byte {self._size}"
            )
