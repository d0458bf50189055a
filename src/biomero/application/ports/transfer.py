"""Moving files to and from the machine that has the run folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToSend:
    """A local file or folder, and its name (``/`` between parts) below the remote folder."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A regular file below a remote folder: its name, size in bytes and SHA-256."""

    name: str
    size: int
    sha256: str


Progress = Callable[[int], None]
"""Called with the number of bytes moved since the last call."""


class RemoteTransfer(Protocol):
    """Moves trees of files, checked by hash, never half-written under a final name."""

    def upload(
        self, files: Iterable[FileToSend], folder: str, *, progress: Progress | None = None
    ) -> list[RemoteFile]:
        """Send files and whole folders into `folder`, which is made if missing.

        `files` is consumed one by one while bytes flow, so that a generator may make each file just
        before it goes and remove it after. All of it takes the same small number of remote commands,
        however many files there are. Each file arrives under a temporary name, is checked by SHA-256 at
        the far end and then renamed; a file that stands there already with the right content is
        replaced by itself. Symbolic links are followed only inside the folder that is sent.

        Returns
        -------
        every regular file sent, with its hash, as checked at the far end

        Raises
        ------
        NoSpaceError, RemotePermissionError, TransferCorruptError, UnsafePathError, ConnectionFailedError
            No file then stands half-written under its final name.
        """
        ...

    def upload_file(self, path: Path, remote: str, *, progress: Progress | None = None) -> RemoteFile:
        """Send one large file, going on where an earlier, broken attempt stopped.

        Raises as `upload` does; what arrived so far stays as ``<remote>.part`` for the next attempt.
        """
        ...

    def listing(self, folder: str) -> list[RemoteFile]:
        """Return every regular file below a remote folder, with hashes, in one remote command.

        Names are relative to `folder`; symbolic links are left out. A folder that is missing has no files.
        """
        ...

    def download(
        self, folder: str, names: Sequence[str], destination: Path, *, progress: Progress | None = None
    ) -> list[RemoteFile]:
        """Fetch files by their names below `folder` into `destination`, in one remote command.

        Each file is written under a temporary name and renamed when it is whole. Names that are absolute
        or hold ``..``, links and special files in the stream are refused.

        Returns
        -------
        the files, with the hash of what was written here

        Raises
        ------
        UnsafePathError, ConnectionFailedError, TransferError
            No file then stands half-written under its final name.
        """
        ...

    def download_file(self, remote: str, path: Path, *, progress: Progress | None = None) -> RemoteFile:
        """Fetch one large file, going on where an earlier, broken attempt stopped."""
        ...
