"""Naming the images of a run, so that every program can live with the names."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata

_SUFFIXES = (".ome.zarr", ".ome.tiff", ".ome.tif")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 120


def stem(file_name: str) -> str:
    """Return a file's name without the suffix of its format.

    >>> stem("cells.ome.tif"), stem("cells.d0.tif"), stem("cells")
    ('cells', 'cells.d0', 'cells')
    """
    for suffix in _SUFFIXES:
        if file_name.lower().endswith(suffix) and len(file_name) > len(suffix):
            return file_name[: -len(suffix)]
    return os.path.splitext(file_name)[0] or file_name  # noqa: PTH122 - a name, not a path


def safe_name(name: str) -> str:
    """Return a name that no shell, file system or workflow stumbles over.

    A name that is safe already stays as it is. Any other loses what is unsafe and gains a short hash of
    itself, so that two different names never become one.

    >>> safe_name("cells_01"), safe_name("a b;$(x)")
    ('cells_01', 'a_b_x_-045de03e')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = _UNSAFE.sub("_", plain).lstrip("-._")[:_LONGEST]
    if name and plain == name:
        return name
    mark = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{plain}-{mark}" if plain else mark
