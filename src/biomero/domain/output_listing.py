"""What a job wrote by its own account, compared with what can be seen elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

from biomero.errors import UnparsableOutputError

_ENTRY = re.compile(r"(?P<size>\d+) (?P<name>.+)", re.DOTALL)


def parse_listing(text: str) -> dict[str, int]:
    r"""Return the sizes of files by their names, from entries that end with a zero byte.

    >>> parse_listing("3 a.tif\x0017 sub/b.tif\x00")
    {'a.tif': 3, 'sub/b.tif': 17}

    Raises
    ------
    UnparsableOutputError
        If an entry is not of that form.
    """
    sizes: dict[str, int] = {}
    for entry in filter(None, text.split("\0")):
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise UnparsableOutputError(f"this is not what a job script lists: {entry!r}")
        sizes[found["name"]] = int(found["size"])
    return sizes


def not_yet_seen(written: Mapping[str, int], seen: Mapping[str, int]) -> list[str]:
    """Return what was written and cannot be seen, or not in its whole size."""
    return [name for name, size in written.items() if seen.get(name) != size]
