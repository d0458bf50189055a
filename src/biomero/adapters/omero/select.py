"""From what somebody chose to the images behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from biomero.adapters.omero.contents import Contents
from biomero.adapters.omero.queries import Questions
from biomero.adapters.omero.wells import WellReader
from biomero.domain.omero import (
    GroupAccess,
    OmeroGroup,
    OmeroImage,
    OmeroKind,
    OmeroRef,
    OmeroSelection,
)
from biomero.errors import InputError, OmeroObjectError

_IMAGES = "select i from Image i where i.id in (:ids)"
_DATASETS = "select l.child.id, l.parent.id from DatasetImageLink l where l.child.id in (:ids)"
_GROUPS = "select g from ExperimenterGroup g where g.id in (:ids)"
_NAMED = 5
"""How many objects a message names."""


class Selector:
    """Finds images; see `OmeroReader.select`."""

    def __init__(self, questions: Questions, user: str) -> None:
        self._questions = questions
        self._user = user

    def select(self, chosen: Sequence[OmeroRef]) -> OmeroSelection:
        """See `OmeroReader.select`."""
        refs = list(dict.fromkeys(chosen))
        if not refs:
            raise InputError("nothing was chosen in OMERO")
        objects = self._load(refs)
        group = self._one_group(objects)
        wells = WellReader(self._questions)
        contents = Contents(self._questions, wells)
        ids: dict[int, None] = {}
        problems = []
        for ref in refs:
            inside = dict.fromkeys(contents.images_in(ref))
            ids |= inside
            if not inside:
                problems.append(f"{_called(ref, objects[ref])} has no image")
        images = tuple(self._describe(list(ids), wells))
        if not images:
            raise InputError("; ".join(problems[:_NAMED]) or "the images were deleted meanwhile")
        return OmeroSelection(images=images, group=group, problems=tuple(problems))

    def _load(self, refs: Sequence[OmeroRef]) -> dict[OmeroRef, Any]:
        """Return OMERO's own objects, or say which are not there."""
        by_kind: dict[OmeroKind, list[int]] = defaultdict(list)
        for ref in refs:
            by_kind[ref.kind].append(ref.id)
        found: dict[OmeroRef, Any] = {}
        for kind, ids in by_kind.items():
            question = f"select o from {kind.value} o where o.id in (:ids)"  # noqa: S608 - a name of ours
            found.update((OmeroRef(kind, o.id.val), o) for o in self._questions.objects_of(question, ids))
        missing = [ref for ref in refs if ref not in found]
        if missing:
            raise OmeroObjectError(
                f"there is no {_some([str(ref) for ref in missing])} at {self._questions.place}, "
                f"or {self._user} may not see it"
            )
        return found

    def _one_group(self, objects: dict[OmeroRef, Any]) -> OmeroGroup:
        members: dict[int, list[str]] = defaultdict(list)
        for ref, one in objects.items():
            members[one.details.group.id.val].append(str(ref))
        groups = {g.id.val: g for g in self._questions.objects_of(_GROUPS, sorted(members))}
        if len(members) > 1:
            names = "; ".join(
                f"{groups[number].name.val if number in groups else number}: {_some(refs)}"
                for number, refs in sorted(members.items())
            )
            raise InputError(f"what was chosen is in several groups, choose from one of them: {names}")
        number = next(iter(members))
        if number not in groups:
            raise OmeroObjectError(f"{self._user} may not see the group {number} at {self._questions.place}")
        group = groups[number]
        return OmeroGroup(id=number, name=group.name.val, access=access_of(group.details.permissions))

    def _describe(self, ids: Sequence[int], wells: WellReader) -> Iterator[OmeroImage]:
        """Yield images in the order of ids; one that was deleted meanwhile is left out."""
        places = wells.places_of(ids)
        datasets: dict[int, set[int]] = defaultdict(set)
        for image, dataset in self._questions.rows_of(_DATASETS, ids):
            datasets[image].add(dataset)
        found = {}
        for image in self._questions.objects_of(_IMAGES, ids):
            number = int(image.id.val)
            place = places.get(number)
            parents = [OmeroRef(OmeroKind.DATASET, d) for d in sorted(datasets.get(number, ()))]
            found[number] = OmeroImage(
                id=number,
                name=image.name.val,
                owner_id=int(image.details.owner.id.val),
                group_id=int(image.details.group.id.val),
                parents=(*parents, *([OmeroRef(OmeroKind.WELL, place.well_id)] if place else ())),
                place=place,
                can_annotate=bool(image.details.permissions.canAnnotate()),
            )
        return (found[number] for number in ids if number in found)


def access_of(permissions: Any) -> GroupAccess:
    """Return what a group's permissions let its members do."""
    try:
        return GroupAccess(str(permissions))
    except ValueError:
        return GroupAccess.OTHER


def _called(ref: OmeroRef, one: Any) -> str:
    name = getattr(one, "name", None)  # wells have none
    return f"{ref} ({name.val})" if name is not None else str(ref)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
