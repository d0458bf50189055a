"""Receiving files into a local folder: temporary names first, final names only when all is well."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from biomero.application.disk_errors import disk_errors
from biomero.application.ports.transfer import Progress, RemoteFile
from biomero.domain.file_names import STAGING_PREFIX, check_name
from biomero.errors import UnsafePathError


class Arrivals:
    """Files on their way into a folder.

    `write` puts each under a temporary name in a staging folder beside its place; `publish` renames
    all of them. Leaving the ``with`` block removes what was not published, so that a failure leaves
    nothing under a final name.
    """

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self._staging = destination / f"{STAGING_PREFIX}{secrets.token_hex(8)}"
        self._files: dict[str, RemoteFile] = {}

    def __enter__(self) -> Self:
        with disk_errors(self._destination):
            self._destination.mkdir(parents=True, exist_ok=True)
            self._staging.mkdir(mode=0o700)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)

    def path_of(self, name: str) -> Path:
        """Where a file waits under its temporary name."""
        return self._staging / name

    def write(
        self,
        name: str,
        blocks: Iterable[bytes],
        *,
        is_executable: bool = False,
        progress: Progress | None = None,
    ) -> RemoteFile:
        """Write one file under its temporary name and return its size and hash.

        Raises
        ------
        UnsafePathError
            If the name is not safe, or came before.
        NoSpaceError, RemotePermissionError, TransferError
            If it cannot be written.
        """
        if check_name(name) in self._files:
            raise UnsafePathError(f"the file {name!r} arrived twice")
        digest = hashlib.sha256()
        size = 0
        place = self._staging / name
        with disk_errors(self._destination / name):
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as stream:
                for block in blocks:
                    stream.write(block)
                    digest.update(block)
                    size += len(block)
                    if progress is not None:
                        progress(len(block))
            if is_executable:
                place.chmod(place.stat().st_mode | 0o100)
        self._files[name] = RemoteFile(name=name, size=size, sha256=digest.hexdigest())
        return self._files[name]

    def publish(self) -> list[RemoteFile]:
        """Give every file its final name, replacing what has it already; return the files.

        Raises
        ------
        UnsafePathError
            If a folder on the way is a symbolic link out of the destination.
        """
        root = self._destination.resolve()
        checked: set[Path] = set()
        for name in self._files:
            target = self._destination / name
            with disk_errors(target):
                if target.parent not in checked:
                    self._make_inside(root, target.parent)
                    checked.add(target.parent)
                (self._staging / name).replace(target)
        return list(self._files.values())

    def _make_inside(self, root: Path, folder: Path) -> None:
        if not folder.resolve().is_relative_to(root):
            raise UnsafePathError(f"{folder} is a symbolic link out of {self._destination}")
        folder.mkdir(parents=True, exist_ok=True)
