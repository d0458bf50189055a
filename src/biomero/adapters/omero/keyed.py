"""What makes an object of OMERO ours: a map annotation that names the run and the output.

It has the namespace `NAMESPACE`, the keys ``Run`` and ``Output``, and as its description one of `COMPLETE`
and `INCOMPLETE`, which OMERO's clients do not show. It is saved in the transaction that makes the object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biomero.adapters.omero.writer_delete import delete
from biomero.adapters.omero.writer_session import WritingSession
from biomero.application.ports.omero import OutputKey
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroKind, OmeroRef

NAMESPACE = "biomero/run/output"
COMPLETE = "complete"
INCOMPLETE = "incomplete"
TABLE_TYPE = "OMERO.tables"
"""The media type that OMERO gives to the files of tables."""
_OURS = (
    "from MapAnnotation a join a.mapValue r join a.mapValue o "
    "where a.ns = :ns and r.name = 'Run' and r.value = :run and o.name = 'Output' "
    "and a.details.owner.id = :owner"
)

_PAGED = "and l.id > :after order by l.id"


@dataclass(frozen=True, slots=True)
class Key:
    """A map annotation that was found; `is_complete` once nothing is left to be done for the object."""

    annotation: int
    is_complete: bool


def find_key(session: WritingSession, key: OutputKey) -> Key | None:
    """Return the annotation of an output, if an earlier call came so far."""
    query = f"select a.id, a.description {_OURS} and o.value = :output order by a.id"
    found = session.rows(query, ns=NAMESPACE, run=key.run_id, output=key.output, owner=session.user.id)
    return Key(found[0][0], found[0][1] == COMPLETE) if found else None


def new_key(key: OutputKey, *, state: str) -> Any:
    """Return an annotation, to be linked to a new object and saved with it."""
    import omero.model
    from omero.rtypes import rstring

    annotation = omero.model.MapAnnotationI()
    annotation.ns = rstring(NAMESPACE)
    annotation.description = rstring(state)
    annotation.setMapValue(
        [omero.model.NamedValue("Run", key.run_id), omero.model.NamedValue("Output", key.output)]
    )
    return annotation


def completed(session: WritingSession, annotation: int) -> Any:
    """Return a key, changed to say that its object is complete; it is to be saved."""
    from omero.rtypes import rstring

    key = session.object("MapAnnotation", annotation)
    key.description = rstring(COMPLETE)
    return key


def discard(session: WritingSession, key: Key, **objects: int) -> None:
    """Delete a key, and what was made for it and cannot be gone on with, in one transaction."""
    delete(session, {"MapAnnotation": [key.annotation], **{kind: [one] for kind, one in objects.items()}})


def keys_of(session: WritingSession, run_id: RunId) -> set[int]:
    """Return the annotations by which a run's objects are found."""
    return set(_outputs_of(session, run_id))


def linked_by(session: WritingSession, run_id: RunId, link: str) -> set[int]:
    """Return the objects of one kind that a run has made here.

    Parameters
    ----------
    link
        The kind of link, which tells the kind of object: ``RoiAnnotationLink``.
    """
    keys = keys_of(session, run_id)
    if not keys:
        return set()
    query = f"select l.id, l.parent.id from {link} l where l.child.id in (:keys) {_PAGED}"  # noqa: S608 - made of constants
    return {parent for _, parent in session.paged_rows(query, keys=sorted(keys))}


def made_among(session: WritingSession, run_id: RunId, link: str, parents: Sequence[int]) -> set[int]:
    """Return which objects of one kind a run has made; nothing is asked about any other.

    Parameters
    ----------
    link
        As for `linked_by`.
    """
    if not parents:
        return set()
    query = (
        f"select l.id, l.parent.id, a.id from {link} l join l.child a "  # noqa: S608 - made of constants
        f"where l.parent.id in (:parents) and a.ns = :ns {_PAGED}"
    )
    links = [(parent, key) for _, parent, key in session.paged_rows(query, parents=parents, ns=NAMESPACE)]
    keys = sorted({key for _, key in links})
    if not keys:
        return set()
    theirs = session.rows(
        f"select a.id, o.value {_OURS} and a.id in (:keys)",
        ns=NAMESPACE,
        run=run_id,
        owner=session.user.id,
        keys=keys,
    )
    ours = {key for key, _ in theirs}
    return {parent for parent, key in links if key in ours}


def object_of(session: WritingSession, key: Key, link: str) -> int | None:
    """Return the object that an annotation is linked to; ``None`` if it was deleted since.

    Parameters
    ----------
    link
        The kind of link, which tells the kind of object: ``ImageAnnotationLink``.
    """
    query = f"select l.parent.id from {link} l where l.child.id = :annotation order by l.parent.id"  # noqa: S608 - made of constants
    found = session.rows(query, annotation=key.annotation)
    return found[0][0] if found else None


def made_by(session: WritingSession, run_id: RunId) -> Mapping[str, OmeroRef]:
    """See `OmeroWriter.made`. Of many ROIs of one output, the first stands for all."""
    outputs = _outputs_of(session, run_id)
    made: dict[str, OmeroRef] = {}
    for kind, parents in _PARENTS.items() if outputs else ():
        for annotation, parent in session.rows(parents, annotations=list(outputs)):
            made.setdefault(outputs[annotation], OmeroRef(kind, parent))
    return made


def _outputs_of(session: WritingSession, run_id: RunId) -> dict[int, str]:
    """Return what a run's annotations are of."""
    query = f"select a.id, o.value {_OURS} and a.id > :after order by a.id"
    return dict(session.paged_rows(query, ns=NAMESPACE, run=run_id, owner=session.user.id))


_LINKED = (
    "select l.child.id, min(l.parent.id) from {} l where l.child.id in (:annotations) group by l.child.id"
)
_ANNOTATIONS = (
    "select l.child.id, p.id from AnnotationAnnotationLink l, {} "
    "where l.parent.id = p.id and l.child.id in (:annotations)"
)
_PARENTS = {
    OmeroKind.DATASET: _LINKED.format("DatasetAnnotationLink"),
    OmeroKind.SCREEN: _LINKED.format("ScreenAnnotationLink"),
    OmeroKind.PLATE: _LINKED.format("PlateAnnotationLink"),
    OmeroKind.IMAGE: _LINKED.format("ImageAnnotationLink"),
    OmeroKind.ROI: _LINKED.format("RoiAnnotationLink"),
    OmeroKind.TABLE: _ANNOTATIONS.format("FileAnnotation p") + f" and p.file.mimetype = '{TABLE_TYPE}'",
    OmeroKind.FILE: _ANNOTATIONS.format("FileAnnotation p") + f" and p.file.mimetype <> '{TABLE_TYPE}'",
    OmeroKind.MAP: _ANNOTATIONS.format("MapAnnotation p"),
}
