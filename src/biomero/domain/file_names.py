"""Names of files in a transfer: which ones stay inside their folder."""

from __future__ import annotations

from biomero.errors import UnsafePathError

STAGING_PREFIX = ".biomero-staging-"
"""How folders begin in which files wait under temporary names; listings leave them out."""


def check_name(name: str) -> str:
    """Return the name of a file below a folder, if it cannot mean anything outside of that folder.

    Any bytes may stand in a name but NUL; ``/`` stands between its parts. Bytes that are not UTF-8
    are carried as ``surrogateescape`` does it.

    Raises
    ------
    UnsafePathError
        If the name is empty or absolute, or has an empty part, ``.``, ``..`` or NUL in it.
    """
    if "\0" in name:
        raise UnsafePathError(f"the file name {name!r} holds a NUL byte")
    parts = name.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise UnsafePathError(
            f"the file name {name!r} is refused: it must be relative, without empty parts, '.' or '..'"
        )
    if parts[0].startswith(STAGING_PREFIX):
        raise UnsafePathError(f"the file name {name!r} is refused: {STAGING_PREFIX}* is for half-sent files")
    return name


def parent_folders(name: str) -> tuple[str, ...]:
    """Return every folder on the way to a file, outermost first.

    Examples
    --------
    >>> parent_folders("a/b/c.tif")
    ('a', 'a/b')
    """
    parts = name.split("/")
    return tuple("/".join(parts[:end]) for end in range(1, len(parts)))
