"""What a user finds at OMERO, one level at a time."""

from __future__ import annotations

from collections.abc import Iterator

from biomero.adapters.omero.queries import Questions
from biomero.domain.omero import OmeroEntry, OmeroKind, OmeroRef, name_order, well_name
from biomero.errors import OmeroObjectError

_TOP = (
    "select one.id, one.name, one.details.owner.omeName, one.details.group.name from {} one "
    "where one.details.owner.id = :owner and one.id > :after order by one.id"
)
_ALONE = (
    "select one.id, one.name, one.details.owner.omeName, one.details.group.name from {} one "
    "where one.details.owner.id = :owner and one.id > :after "
    "and not exists (select link from {} link where link.child = one) order by one.id"
)
_LINKED = (
    "select one.id, one.name, one.details.owner.omeName, one.details.group.name from {} link "
    "join link.child one where link.parent.id = :id and one.id > :after order by one.id"
)
_WELLS = (
    "select one.id, one.row, one.column, one.details.owner.omeName, one.details.group.name from Well one "
    "where one.plate.id = :id and one.id > :after order by one.id"
)
_FIELDS = (
    "select one.id, one.name, one.details.owner.omeName, one.details.group.name from WellSample sample "
    "join sample.image one where sample.well.id = :id and one.id > :after order by one.id"
)
_THERE = "select one.id from {} one where one.id = :id"

_FIRST = {
    OmeroKind.PROJECT: _TOP.format("Project"),
    OmeroKind.DATASET: _ALONE.format("Dataset", "ProjectDatasetLink"),
    OmeroKind.SCREEN: _TOP.format("Screen"),
    OmeroKind.PLATE: _ALONE.format("Plate", "ScreenPlateLink"),
}
_BELOW = {
    OmeroKind.PROJECT: (OmeroKind.DATASET, _LINKED.format("ProjectDatasetLink")),
    OmeroKind.DATASET: (OmeroKind.IMAGE, _LINKED.format("DatasetImageLink")),
    OmeroKind.SCREEN: (OmeroKind.PLATE, _LINKED.format("ScreenPlateLink")),
    OmeroKind.WELL: (OmeroKind.IMAGE, _FIELDS),
}


class Listing:
    """Lists objects; what the user may not see is not there."""

    def __init__(self, questions: Questions, *, user_id: int) -> None:
        self._questions = questions
        self._user_id = user_id

    def top(self) -> Iterator[OmeroEntry]:
        """Yield the user's own objects that are in nothing else: projects, datasets, screens, plates."""
        for kind, hql in _FIRST.items():
            yield from self._entries(kind, hql, owner=self._user_id)

    def inside(self, ref: OmeroRef) -> Iterator[OmeroEntry]:
        """Yield what is in an object.

        Raises
        ------
        OmeroObjectError
            If there is no such object, or the user may not see it.
        """
        if not self._questions.rows(_THERE.format(ref.kind.value), id=ref.id):
            raise OmeroObjectError(f"there is no {ref}, or it may not be seen")
        if ref.kind is OmeroKind.PLATE:
            yield from self._wells(ref.id)
        elif ref.kind in _BELOW:
            kind, hql = _BELOW[ref.kind]
            yield from self._entries(kind, hql, id=ref.id)

    def _entries(self, kind: OmeroKind, hql: str, **parameters: int) -> list[OmeroEntry]:
        found = [
            OmeroEntry(ref=OmeroRef(kind, number), name=name or "", owner=owner, group=group)
            for number, name, owner, group in self._questions.paged_rows(hql, **parameters)
        ]
        return sorted(found, key=lambda entry: (name_order(entry.name), entry.ref.id))

    def _wells(self, plate: int) -> list[OmeroEntry]:
        rows = sorted(self._questions.paged_rows(_WELLS, id=plate), key=lambda row: (row[1], row[2]))
        return [
            OmeroEntry(
                ref=OmeroRef(OmeroKind.WELL, number), name=well_name(row, column), owner=owner, group=group
            )
            for number, row, column, owner, group in rows
        ]
