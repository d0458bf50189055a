"""Crates as folders and as ZIP archives."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biomero.adapters.rocrate.metadata import METADATA_FILE, metadata_of
from biomero.adapters.rocrate.packages import FolderPackage, ZipPackage
from biomero.application.ports.crate import CratePackage, RunCrate
from biomero.errors import InputError


class RoCrates:
    """Writes RO-Crates; see `CrateWriter`."""

    @contextmanager
    def open(self, target: Path, *, replace: bool = False) -> Iterator[CratePackage]:
        """See `CrateWriter.open`."""
        is_zip = target.suffix.lower() == ".zip"
        _check(target, is_zip=is_zip, replace=replace)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            waiting = Path(tempfile.mkdtemp(prefix=".crate-", dir=target.parent))
        except OSError as exc:
            raise InputError(f"{target} cannot be written: {exc.strerror}") from exc
        crate = waiting / target.name
        try:
            if is_zip:
                with zipfile.ZipFile(crate, "x", allowZip64=True) as archive:
                    yield ZipPackage(archive)
            else:
                crate.mkdir()
                yield FolderPackage(crate)
            _put_in_place(crate, target, before=waiting / "before")
        finally:
            shutil.rmtree(waiting, ignore_errors=True)

    def describe(self, crate: RunCrate) -> bytes:
        """See `CrateWriter.describe`."""
        return metadata_of(crate)


def _put_in_place(crate: Path, target: Path, *, before: Path) -> None:
    """Give a crate its name; a folder does not replace another in one step."""
    if not target.is_dir():
        crate.replace(target)
        return
    target.rename(before)
    try:
        crate.rename(target)
    except OSError:
        before.rename(target)
        raise


def _check(target: Path, *, is_zip: bool, replace: bool) -> None:
    """Refuse to overwrite what nobody asked to overwrite, and what is no crate at all."""
    if not (target.exists() or target.is_symlink()):
        return
    if not replace:
        raise InputError(f"{target} exists already; choose another name (-o), or replace it with --force")
    if is_zip:
        replaceable = target.is_file() and not target.is_symlink() and _is_archived_crate(target)
    else:
        replaceable = target.is_dir() and not target.is_symlink() and _is_crate_or_empty(target)
    if not replaceable:
        raise InputError(f"{target} exists already and is no RO-Crate, so that it is not replaced")


def _is_archived_crate(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return METADATA_FILE in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _is_crate_or_empty(folder: Path) -> bool:
    return (folder / METADATA_FILE).is_file() or not any(folder.iterdir())
