"""Moving files on one machine, behind the port that also fits a login node."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from biomero.application.arrivals import Arrivals
from biomero.application.disk_errors import disk_errors
from biomero.application.ports.transfer import FileToSend, Progress, RemoteFile
from biomero.application.resume import copy_resumably
from biomero.application.source_files import BLOCK_BYTES, opened, sha256_of, source_files
from biomero.domain.file_names import STAGING_PREFIX, check_name
from biomero.errors import TransferCorruptError, TransferError, UnsafePathError


class LocalTransfer:
    """Copies files on this machine; see `RemoteTransfer`. Relative folders are below the home folder."""

    def __init__(self, *, home: Path | None = None) -> None:
        self._home = home

    def upload(
        self, files: Iterable[FileToSend], folder: str, *, progress: Progress | None = None
    ) -> list[RemoteFile]:
        """See `RemoteTransfer.upload`."""
        with Arrivals(self._place(folder)) as arrivals:
            for source in source_files(files):
                with opened(source) as (_, blocks):
                    sent = arrivals.write(
                        source.name, blocks, is_executable=source.is_executable, progress=progress
                    )
                with disk_errors(folder):
                    arrived = sha256_of(arrivals.path_of(source.name))
                if arrived != sent.sha256:
                    raise TransferCorruptError(f"{source.path} arrived damaged in {folder}; try again")
            return arrivals.publish()

    def upload_file(self, path: Path, remote: str, *, progress: Progress | None = None) -> RemoteFile:
        """See `RemoteTransfer.upload_file`."""
        return copy_resumably(path, self._place(remote), name=remote, progress=progress)

    def listing(self, folder: str) -> list[RemoteFile]:
        """See `RemoteTransfer.listing`."""
        root = self._place(folder)
        with disk_errors(root):
            if not root.is_dir():
                return []
            return [
                RemoteFile(name=name, size=(root / name).stat().st_size, sha256=sha256_of(root / name))
                for name in sorted(_regular_files(root))
            ]

    def download(
        self, folder: str, names: Sequence[str], destination: Path, *, progress: Progress | None = None
    ) -> list[RemoteFile]:
        """See `RemoteTransfer.download`."""
        root = self._place(folder)
        with Arrivals(destination) as arrivals:
            for name in names:
                with disk_errors(root / name), _without_links(root, name).open("rb") as stream:
                    blocks = iter(lambda: stream.read(BLOCK_BYTES), b"")
                    arrivals.write(name, blocks, progress=progress)
            return arrivals.publish()

    def download_file(self, remote: str, path: Path, *, progress: Progress | None = None) -> RemoteFile:
        """See `RemoteTransfer.download_file`."""
        source = self._place(remote)
        if not source.is_file():
            raise TransferError(f"there is no file {source}")
        return copy_resumably(source, path, name=remote, progress=progress)

    def _place(self, name: str) -> Path:
        return (self._home or Path.home()) / name


def _regular_files(root: Path) -> Iterator[str]:
    def fail(error: OSError) -> None:
        raise error

    for folder, subfolders, names in os.walk(root, onerror=fail):
        here = Path(folder)
        subfolders[:] = [name for name in subfolders if not name.startswith(STAGING_PREFIX)]
        for name in names:
            path = here / name
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(root))


def _without_links(root: Path, name: str) -> Path:
    path = root
    for part in check_name(name).split("/"):
        path = path / part
        if path.is_symlink():
            raise UnsafePathError(f"{path} is a symbolic link; {name!r} is not fetched through it")
    if not path.is_file():
        raise TransferError(f"there is no file {name!r} in {root}")
    return path
