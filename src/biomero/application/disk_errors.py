"""The seam to this machine's disks: errors of the operating system in our words."""

from __future__ import annotations

import errno
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
