"""Taking back everything that a run has made."""

from __future__ import annotations

from collections.abc import Iterable

from biomero.adapters.omero.keyed import keys_of, linked_by, made_by
from biomero.adapters.omero.writer_delete import delete
from biomero.adapters.omero.writer_session import WritingSession
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroKind

_AT_ONCE = 1000
_IN_ORDER = (
    (OmeroKind.PLATE, "Plate"),
    (OmeroKind.SCREEN, "Screen"),
    (OmeroKind.IMAGE, "Image"),
    (OmeroKind.DATASET, "Dataset"),
    (OmeroKind.TABLE, "FileAnnotation"),
    (OmeroKind.FILE, "FileAnnotation"),
    (OmeroKind.MAP, "MapAnnotation"),
)
"""What holds others goes after them, but for plates: an image cannot leave its well, and goes with the plate.
By OMERO's names for the kinds."""


def remove(session: WritingSession, run_id: RunId) -> int:
    """See `OmeroWriter.remove`. Keys go last: what a crash leaves is found again."""
    rois = linked_by(session, run_id, "RoiAnnotationLink")
    _delete_all(session, "Roi", rois)
    count = len(rois) + sum(ref.kind is not OmeroKind.ROI for ref in made_by(session, run_id).values())
    for kind, name in _IN_ORDER:
        # asked anew each time: OMERO deletes annotations with the last object that has them
        made = made_by(session, run_id).values()
        _delete_all(session, name, (ref.id for ref in made if ref.kind is kind))
    _delete_all(session, "MapAnnotation", keys_of(session, run_id))
    return count


def _delete_all(session: WritingSession, kind: str, ids: Iterable[int]) -> None:
    ordered = sorted(ids)
    for first in range(0, len(ordered), _AT_ONCE):
        delete(session, {kind: ordered[first : first + _AT_ONCE]})
