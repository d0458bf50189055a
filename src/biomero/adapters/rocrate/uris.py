"""Names as URIs: any file name and any text."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".log": "text/plain",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_UNKNOWN = "application/octet-stream"


def relative_uri(place: str, *, is_folder: bool = False) -> str:
    """Return the URI of something in the crate, relative to its root; that of a folder ends in a slash.

    Examples
    --------
    >>> relative_uri("labels/a b:c%.tif")
    'labels/a%20b%3Ac%25.tif'
    """
    return quote(place, safe="/") + ("/" if is_folder else "")


def file_uri(path: Path, *, is_folder: bool = False) -> str:
    """Return the ``file:`` URI of an absolute path, whatever its bytes."""
    return f"file://{quote(os.fsencode(path), safe='/')}" + ("/" if is_folder else "")


def fragment(kind: str, name: object) -> str:
    """Return the id of something that is no file, such as ``#parameter/diameter``.

    Lone surrogates (bytes that were no text) are spelt out, since no URI has them.
    """
    return f"#{kind}/{quote(str(name).encode('utf-8', 'backslashreplace'), safe='')}"


def media_type(name: str) -> str:
    """Return what a file holds, by the end of its name; the same on every machine."""
    return _MEDIA_TYPES.get(Path(name).suffix.lower(), _UNKNOWN)
