"""Folders of the machine that a container sees, as options of Apptainer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from biomero.errors import ContainerImageError

_PLAIN = re.compile(r"[A-Za-z0-9_./@%+=~-]+")


def bind_options(folders: Sequence[str]) -> tuple[str, ...]:
    """Return the options that show folders under their own path, with write permission.

    ``--bind`` splits at colons and commas, so that folders with unusual characters go through ``--mount``,
    whose fields are quoted as in CSV files.

    Raises
    ------
    ContainerImageError
        If a folder cannot be bound: not absolute, with ``..``, or with control characters.
    """
    return tuple(word for folder in dict.fromkeys(folders) for word in _option(folder))


def _option(folder: str) -> tuple[str, str]:
    if not folder.startswith("/") or ".." in folder.split("/") or not folder.isprintable():
        raise ContainerImageError(
            f"the folder {folder!r} cannot be shown to a container; "
            "give an absolute path of printable characters"
        )
    if _PLAIN.fullmatch(folder):
        return ("--bind", folder)
    field = folder.replace('"', '""')
    return ("--mount", f'type=bind,"source={field}","destination={field}"')
