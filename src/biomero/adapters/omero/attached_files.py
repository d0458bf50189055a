"""What OMERO knows of attached files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from biomero.adapters.omero.queries import Questions
from biomero.domain.omero import OmeroFile, OmeroKind, OmeroRef
from biomero.errors import OmeroObjectError

_FILES = (
    "select a from FileAnnotation a left outer join fetch a.file f left outer join fetch f.hasher "
    "where a.id in (:ids)"
)
_KINDS = "select a from Annotation a where a.id in (:ids)"
_FOLDER = "Directory"


class AttachedFiles:
    """Describes files by their annotations; what the user may not see is not there."""

    def __init__(self, questions: Questions, user: str) -> None:
        self._questions = questions
        self._user = user

    def described(self, annotation_ids: Sequence[int]) -> tuple[OmeroFile, ...]:
        """See `OmeroReader.files`."""
        ids = list(dict.fromkeys(annotation_ids))
        found = {int(one.id.val): one for one in self._questions.objects_of(_FILES, ids)}
        problems = [*self._absent([number for number in ids if number not in found]), *_not_whole(found)]
        if problems:
            raise OmeroObjectError("; ".join(problems))
        return tuple(_described(found[number]) for number in annotation_ids)

    def _absent(self, ids: Sequence[int]) -> list[str]:
        """Say of annotations that are no files' what they are instead."""
        if not ids:
            return []
        kinds = {int(one.id.val): _kind_of(one) for one in self._questions.objects_of(_KINDS, ids)}
        return [
            f"Annotation:{number} is no file, it is a {kinds[number]}"
            if number in kinds
            else f"there is no {OmeroRef(OmeroKind.FILE, number)} at {self._questions.place}, "
            f"or {self._user} may not see it"
            for number in ids
        ]


def _not_whole(found: Mapping[int, Any]) -> list[str]:
    """Say of which annotations there is no file to read."""
    said = []
    for number, annotation in found.items():
        file = annotation.file
        if file is None or not file.isLoaded() or file.name is None:
            said.append(f"{OmeroRef(OmeroKind.FILE, number)} has no file, or it may not be seen")
        elif file.size is None or _text(file.mimetype) == _FOLDER:
            said.append(f"{OmeroRef(OmeroKind.FILE, number)} ({file.name.val}) is no file with content")
    return said


def _described(annotation: Any) -> OmeroFile:
    file = annotation.file
    return OmeroFile(
        id=int(annotation.id.val),
        name=file.name.val,
        size=int(file.size.val),
        owner_id=int(annotation.details.owner.id.val),
        group_id=int(annotation.details.group.id.val),
        file_id=int(file.id.val),
        media_type=_text(file.mimetype),
        hash=_text(file.hash),
        hash_kind="" if file.hasher is None else _text(file.hasher.value),
    )


def _kind_of(annotation: Any) -> str:
    """Return a class as users know it: ``MapAnnotation`` of omero-py's ``MapAnnotationI``."""
    return type(annotation).__name__.removesuffix("I")


def _text(value: Any) -> str:
    return "" if value is None or value.val is None else str(value.val)
