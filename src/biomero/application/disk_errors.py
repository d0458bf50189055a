"""The seam to disks, here and at the far end: errors of the operating system in our words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from biomero.errors import BiomeroError, NoSpaceError, RemotePermissionError, TransferError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def disk_errors(place: object) -> Iterator[None]:
    """Turn what the operating system says about writing at `place` into our errors, by its number.

    Raises
    ------
    NoSpaceError, RemotePermissionError, TransferError
        Named after `place`.
    """
    try:
        yield
    except BiomeroError:
        raise
    except OSError as exc:
        if exc.errno in FULL:
            raise NoSpaceError(f"no space or quota left at {place}: free some, then try again") from exc
        if exc.errno in FORBIDDEN:
            raise RemotePermissionError(
                f"not allowed to use {exc.filename or place}: {exc.strerror}"
            ) from exc
        raise TransferError(f"{place}: {exc.strerror or exc} ({exc.filename})") from exc


def error_number(words: str) -> int | None:
    """Return the number of the operating system's error in what a program said in the C locale.

    Only those are known that we tell apart.
    """
    for line in words.splitlines():
        for number in (*FULL, *FORBIDDEN, errno.ENOENT):
            if line.rstrip(" )").endswith(os.strerror(number)):
                return number
    return None


def remote_disk_error(what: str, words: str) -> BiomeroError | None:
    """Return the error for a program at the far end that has no space or no permission; else ``None``."""
    number = error_number(words)
    if number in FULL:
        return NoSpaceError(f"{what}: no space or quota left there; free some, then try again. {words}")
    if number in FORBIDDEN:
        return RemotePermissionError(f"{what}: not allowed. {words}")
    return None
