"""Annotations: pairs of key and value, and files, tables among them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from biomero.adapters.omero.keyed import INCOMPLETE, Key, discard, find_key, new_key, object_of
from biomero.adapters.omero.writer_delete import delete
from biomero.adapters.omero.writer_session import WritingSession
from biomero.adapters.omero.writer_targets import attach
from biomero.application.ports.omero import OutputKey
from biomero.domain.omero import OmeroRef

_LINK = "AnnotationAnnotationLink"


def put_map(
    session: WritingSession,
    key: OutputKey,
    *,
    namespace: str,
    pairs: Sequence[tuple[str, str]],
    targets: Sequence[OmeroRef],
) -> int:
    """Return the map annotation of a key, complete.

    Annotation and key are one transaction; all links and the word that it is complete are another. Who dies
    in between leaves an annotation that nobody sees, and the next call links it.
    """
    import omero.model
    from omero.rtypes import rstring

    def make() -> Any:
        annotation = omero.model.MapAnnotationI()
        annotation.ns = rstring(namespace)
        annotation.setMapValue([omero.model.NamedValue(name, value) for name, value in pairs])
        annotation.linkAnnotation(new_key(key, state=INCOMPLETE))
        return session.save(annotation)

    return _once(session, key, "MapAnnotation", make, targets)


def put_original_file(
    session: WritingSession,
    key: OutputKey,
    *,
    name: str,
    namespace: str,
    make_file: Callable[[str], int],
    targets: Sequence[OmeroRef],
) -> int:
    """Return the file annotation of a key, complete.

    1. A file is made under a name that only this key has, and filled. Who dies before its end leaves it
       there; the next call deletes all files of that name, and begins anew.
    2. Its final name, its annotation and the key are one transaction. From then on the file is whole.
    3. All links and the word that it is complete are another.

    Parameters
    ----------
    make_file
        Makes a file of the given name with all its content, and returns its id.
    """
    import omero.model
    from omero.rtypes import rstring

    def make() -> Any:
        unfinished = _name_of(key)
        _delete_files(session, unfinished)
        file = session.object("OriginalFile", make_file(unfinished))
        file.name = rstring(name)
        annotation = omero.model.FileAnnotationI()
        annotation.ns = rstring(namespace)
        annotation.file = omero.model.OriginalFileI(file.id.val, False)  # noqa: FBT003 - omero-py's own
        annotation.linkAnnotation(new_key(key, state=INCOMPLETE))
        return session.save_all([file, annotation])[1]

    return _once(session, key, "FileAnnotation", make, targets)


def _once(
    session: WritingSession, key: OutputKey, kind: str, make: Callable[[], Any], targets: Sequence[OmeroRef]
) -> int:
    import omero.model

    found = find_key(session, key)
    there = None if found is None else object_of(session, found, _LINK)
    if found is not None and there is None:
        discard(session, found)
    if found is None or there is None:
        made = make()
        found, there = Key(made.linkedAnnotationList()[0].id.val, is_complete=False), made.id.val
    if not found.is_complete:
        annotation = getattr(omero.model, f"{kind}I")(there, False)  # noqa: FBT003 - omero-py's own
        attach(session, annotation, found.annotation, targets)
    return there


def _name_of(key: OutputKey) -> str:
    # names of files have a limit, those of outputs have none
    return f"biomero-{key.run_id}-{hashlib.sha256(key.output.encode()).hexdigest()[:32]}"


def _delete_files(session: WritingSession, name: str) -> None:
    found = session.rows(
        "select f.id, f.name from OriginalFile f where f.name = :name and f.details.owner.id = :owner",
        name=name,
        owner=session.user.id,
    )
    if found:
        delete(session, {"OriginalFile": [row[0] for row in found]})
