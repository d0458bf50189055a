"""Files out of OMERO, in pieces, compared by their size and hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from biomero.adapters.omero.lasting import LastingSession
from biomero.adapters.omero.seam import omero_errors
from biomero.adapters.omero.session import OmeroSession
from biomero.application.disk_errors import disk_errors
from biomero.application.ports.omero import Progress
from biomero.domain.omero import OmeroFile
from biomero.errors import OmeroError, OmeroLoginError, OmeroObjectError, TransferCorruptError

PIECE_BYTES = 2 * 1024 * 1024
_HASHES: dict[str, Callable[[], Any]] = {
    "SHA1-160": lambda: hashlib.sha1(usedforsecurity=False),
    "MD5-128": lambda: hashlib.md5(usedforsecurity=False),
}
"""By OMERO's names; of its other kinds only the size is compared."""


def download(
    session: LastingSession, file: OmeroFile, path: Path, *, place: str, progress: Progress | None
) -> None:
    """See `OmeroReader.download`.

    Parameters
    ----------
    place
        The server, for messages.
    """
    digest = _HASHES[file.hash_kind]() if file.hash and file.hash_kind in _HASHES else None
    done = 0
    half = path.with_name(f"{path.name}.part")
    try:
        with disk_errors(path), half.open("wb") as target, _Source(session, file, place).opened() as source:
            while done < file.size and (piece := source.piece(done)):
                target.write(piece)
                done += len(piece)
                if digest is not None:
                    digest.update(piece)
                if progress is not None:
                    progress(done, file.size)
        if done != file.size:
            raise TransferCorruptError(f"{file}: {done} of {file.size} bytes came from {place}")
        if digest is not None and digest.hexdigest() != file.hash.lower():
            raise TransferCorruptError(
                f"{file} did not come as {place} has it: its {file.hash_kind} is not {file.hash}"
            )
        with disk_errors(path):
            half.replace(path)
    finally:
        half.unlink(missing_ok=True)


class _Source:
    """A file at OMERO; where a session is lost, another one goes on with the next piece."""

    def __init__(self, session: LastingSession, file: OmeroFile, place: str) -> None:
        self._session = session
        self._file = file
        self._place = place
        self._context = {"omero.group": str(file.group_id)}
        self._owner: OmeroSession | None = None
        self._store: Any = None

    @contextmanager
    def opened(self) -> Iterator[_Source]:
        try:
            yield self
        finally:
            if self._store is not None:
                with suppress(OmeroError), omero_errors(self._place):
                    self._store.close()

    def piece(self, start: int) -> bytes:
        """Return the bytes from a place on; none where the file ends."""
        wanted = min(PIECE_BYTES, self._file.size - start)

        def ask(session: OmeroSession) -> bytes:
            with omero_errors(self._place):
                sent: bytes = self._store_in(session).read(start, wanted, self._context)
                return sent

        try:
            return self._session.ask(ask)
        except OmeroError as exc:
            if exc.transient or isinstance(exc, OmeroLoginError):
                raise
            raise OmeroObjectError(f"{self._file} cannot be read: {exc}") from exc

    def _store_in(self, session: OmeroSession) -> Any:
        if self._owner is not session:
            store = session.factory.createRawFileStore(self._context)
            store.setFileId(self._file.file_id, self._context)
            self._owner, self._store = session, store
        return self._store
