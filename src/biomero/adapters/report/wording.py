"""Values as people read them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from urllib.parse import quote

_MINUTE, _HOUR = 60, 3600
_KILO = 1000
_SHORT = 10
_UNKNOWN = "\N{EN DASH}"


def visible(text: str) -> str:
    r"""Return text with what cannot be seen, or turns the text around it, written out: ``\n``, ``\u202e``.

    Bytes that are no characters become ``\xNN``, so that the text can be written as UTF-8.
    """
    return "".join(c if c.isprintable() else _written_out(c) for c in text)


def _written_out(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - where Python keeps bytes that are no characters
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def link(path: str) -> str:
    """Return a path of the results folder as an address relative to the page."""
    return "./" + quote(os.fsencode(path))


def duration(seconds: float | None) -> str:
    """Return ``1 h 02 min``, ``2 min 05 s`` or ``3.4 s``; a dash where it is not known."""
    if seconds is None:
        return _UNKNOWN
    if seconds < _SHORT:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def size(count: float | None) -> str:
    """Return a number of bytes as ``1.2 MB``; a dash where it is not known."""
    if count is None:
        return _UNKNOWN
    for unit in ("B", "kB", "MB", "GB"):
        if count < _KILO:
            return f"{count:.0f} {unit}" if unit == "B" or count >= _SHORT else f"{count:.1f} {unit}"
        count /= _KILO
    return f"{count:.1f} TB"


def time(moment: datetime | None) -> str:
    """Return ``2026-11-22 09:30:05 UTC``; a dash where it is not known."""
    return _UNKNOWN if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
