"""Files into OMERO, in pieces, compared by their SHA-1."""

from __future__ import annotations

import hashlib
from pathlib import Path

from biomero.adapters.omero.writer_session import WritingSession
from biomero.errors import TransferCorruptError

_PIECE_BYTES = 2 * 1024 * 1024
_ALGORITHM = "SHA1-160"


def upload(session: WritingSession, path: Path, media_type: str, name: str) -> int:
    """Make a file in OMERO with the content of one here; return its id.

    Raises
    ------
    TransferCorruptError
        If OMERO has another content than was sent.
    """
    import omero.model
    from omero.rtypes import rlong, rstring

    file = omero.model.OriginalFileI()
    file.name, file.path, file.mimetype = rstring(name), rstring(""), rstring(media_type)
    file.size = rlong(path.stat().st_size)
    file.hasher = session.enumeration("ChecksumAlgorithm", _ALGORITHM)
    made: int = session.save(file).id.val
    sent = hashlib.sha1(usedforsecurity=False)
    position = 0
    store = session.factory.createRawFileStore()
    try:
        store.setFileId(made)
        with path.open("rb") as source:
            while piece := source.read(_PIECE_BYTES):
                store.write(piece, position, len(piece))
                sent.update(piece)
                position += len(piece)
        if not position:
            store.write(b"", 0, 0)  # otherwise OMERO has no file at all
        saved = store.save()
    finally:
        store.close()
    if saved is None or (saved.size.val, saved.hash.val) != (position, sent.hexdigest()):
        raise TransferCorruptError(f"OMERO did not store {path.name} as it was sent")
    return made
