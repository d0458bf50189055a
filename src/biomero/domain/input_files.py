"""Attached files of OMERO as a workflow's inputs: whether it takes them, and what they are called there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from biomero.domain.delivery import has_format, stem_of
from biomero.domain.omero import OmeroFile
from biomero.domain.selection import safe_name

_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,12}){1,3}")
_HDF5 = ("h5", "hdf5", "hdf")


def why_not_taken(file: OmeroFile, formats: Sequence[str]) -> str:
    """Say why an input does not take a file; empty if it does.

    Parameters
    ----------
    formats
        Those that the input takes, as its descriptor has them; any if empty.
    """
    takes_hdf5 = bool(formats) and any(has_format(f"a.{one}", formats) for one in _HDF5)
    if file.is_table and not takes_hdf5:
        return f"{file} is an OMERO.table, whose content is HDF5; attach the table as a file, such as CSV"
    if not file.is_table and not has_format(file.name, formats):
        return f"{file} is of another format; wanted: {', '.join(formats)}"
    return ""


def name_files(files: Sequence[OmeroFile]) -> tuple[str, ...]:
    """Return the names of an input's files: their own, and the id where another's is the same or too like it.

    Names are safe for any program and keep their suffix; no two are the same on any file system.
    """
    plain = [_safe(file.name) for file in files]
    lowered = [f"{stem}{suffix}".lower() for stem, suffix in plain]
    counts = Counter(lowered)
    return tuple(
        f"{stem}_id{file.id}{suffix}" if counts[name] > 1 or "_id" in name else f"{stem}{suffix}"
        for file, (stem, suffix), name in zip(files, plain, lowered, strict=True)
    )


def _safe(name: str) -> tuple[str, str]:
    """Return a safe name without its suffix, and the suffix."""
    suffix = name[len(stem_of(name)) :]
    if not _SUFFIX.fullmatch(suffix):
        return safe_name(name), ""
    return safe_name(stem_of(name)), suffix
