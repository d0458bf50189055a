"""Attached files of an OMERO server in memory, as a user reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from biomero.application.disk_errors import disk_errors
from biomero.domain.omero import OmeroFile, OmeroKind, OmeroRef, OmeroUser
from biomero.errors import OmeroObjectError, TransferCorruptError
from biomero.testing.omero_store import Store, Thing

_KINDS = (OmeroKind.FILE, OmeroKind.TABLE, OmeroKind.MAP)
"""Annotations; no two have the same id."""


def describe_file(store: Store, user: OmeroUser, annotation_id: int) -> OmeroFile:
    """See `OmeroReader.files`."""
    ref, thing = _annotation(store, user, annotation_id)
    content = _bytes_of(thing)
    return OmeroFile(
        id=annotation_id,
        name=thing.name,
        size=len(content),
        owner_id=thing.owner,
        group_id=thing.group,
        file_id=annotation_id,
        media_type="OMERO.tables" if ref.kind is OmeroKind.TABLE else thing.description,
        hash=hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        hash_kind="SHA1-160",
    )


def write_file(store: Store, user: OmeroUser, file: OmeroFile, path: Path) -> None:
    """See `OmeroReader.download`."""
    now = describe_file(store, user, file.id)
    if (now.size, now.hash) != (file.size, file.hash):
        raise TransferCorruptError(f"{file} did not come as it was told of")
    with disk_errors(path):
        path.write_bytes(_bytes_of(_annotation(store, user, file.id)[1]))


def _annotation(store: Store, user: OmeroUser, number: int) -> tuple[OmeroRef, Thing]:
    refs = [OmeroRef(kind, number) for kind in _KINDS]
    ref = next((one for one in refs if one in store.things and store.may_read(user, one)), None)
    if ref is None:
        raise OmeroObjectError(f"there is no {refs[0]}, or {user.name} may not see it")
    if ref.kind is OmeroKind.MAP:
        raise OmeroObjectError(f"Annotation:{number} is no file, it is a {ref.kind.value}")
    return ref, store.things[ref]


def _bytes_of(thing: Thing) -> bytes:
    return thing.content if isinstance(thing.content, bytes) else repr(thing.content).encode()
