"""Putting a new text in the place of a file, with the old one beside it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path

from biomero.errors import ConfigurationError

_PRIVATE = 0o600  # it may come to hold a password
# A file that is mounted by itself cannot be renamed over; a folder may be another's.
_IN_PLACE = frozenset({errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS})


def replace_file(path: Path, text: str, *, expected: str | None) -> Path | None:
    """Write a file whole: on return it has the new text, and on failure the old one.

    A link stays, and the file that it leads to is written. Mode and owner stay as they are. Where the file
    cannot be replaced, as it is mounted by itself, it is written in place.

    Parameters
    ----------
    expected
        The text that the file has now; ``None`` for a new one.

    Returns
    -------
    the copy of the old text, where there was one

    Raises
    ------
    ConfigurationError
        If it cannot be written, or has another text by now.
    """
    target = Path(os.path.realpath(path))
    try:
        now = target.read_bytes().decode("utf-8") if target.exists() else None
        if now != expected:
            raise ConfigurationError(f"{path} has been changed by another meanwhile; try again")
        target.parent.mkdir(parents=True, exist_ok=True)
        backup = _back_up(target) if expected is not None else None
        try:
            _rename_over(target, text)
        except OSError as exc:
            if exc.errno not in _IN_PLACE or expected is None:
                raise
            _write_in_place(target, text)
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be written: {exc.strerror or exc}") from exc
    return backup


def _back_up(target: Path) -> Path | None:
    """Copy the file to its side; where the folder is another's there is no copy."""
    backup = target.with_name(f"{target.name}.bak")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(descriptor)
        try:
            shutil.copyfile(target, name)
            _keep_mode(target, name)
            Path(name).replace(backup)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except PermissionError:
        return None
    return backup


def _rename_over(target: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        _keep_mode(target, name)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _keep_mode(target: Path, name: str) -> None:
    if not target.exists():
        Path(name).chmod(_PRIVATE)
        return
    old = target.stat()
    with contextlib.suppress(PermissionError):  # not our file; the group may let us write
        os.chown(name, old.st_uid, old.st_gid)
    Path(name).chmod(old.st_mode & 0o7777)


def _write_in_place(target: Path, text: str) -> None:
    with target.open("r+b") as file:
        file.write(text.encode("utf-8"))
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
