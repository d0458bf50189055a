"""Plates: which wells they have, and which images those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from biomero.adapters.omero.queries import Questions
from biomero.domain.omero import WellPlace

_ON_PLATE = "select w.id, w.row, w.column from Well w where w.plate.id = :id and w.id > :after order by w.id"
_OF_IMAGES = "select ws.image.id, ws.well.id from WellSample ws where ws.image.id in (:ids)"
_WELLS = (
    "select w from Well w join fetch w.plate left outer join fetch w.wellSamples ws "
    "left outer join fetch ws.image where w.id in (:ids)"
)


class WellReader:
    """Reads wells, and remembers where their images are.

    A well need not be there, nor have images; a field need not have been taken. What several acquisitions
    took of a well is counted on: the fields of the second follow those of the first.
    """

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._places: dict[int, WellPlace] = {}

    def on_plate(self, plate: int) -> Sequence[int]:
        """Return the ids of a plate's wells, row by row."""
        wells = sorted(self._questions.paged_rows(_ON_PLATE, id=plate), key=lambda well: (*well[1:], well[0]))
        return [well[0] for well in wells]

    def images_in(self, wells: Sequence[int]) -> Iterator[int]:
        """Yield the images of wells, in the order of the wells and of their fields."""
        images: dict[int, list[int]] = {}
        for well in self._questions.objects_of(_WELLS, wells):
            images[well.id.val] = self._note(well)
        for one in wells:
            yield from images.get(one, ())

    def places_of(self, images: Sequence[int]) -> dict[int, WellPlace]:
        """Return where images are that are on a plate; an image in several wells is in one of them."""
        unknown = [image for image in images if image not in self._places]
        wells = dict.fromkeys(well for _, well in self._questions.rows_of(_OF_IMAGES, unknown))
        for well in self._questions.objects_of(_WELLS, list(wells)):
            self._note(well)
        return {image: self._places[image] for image in images if image in self._places}

    def _note(self, well: Any) -> list[int]:
        """Remember a well's images, and return them; the first place of an image counts."""
        fields = dict(_fields(well))
        for image, place in fields.items():
            self._places.setdefault(image, place)
        return list(fields)


def _fields(well: Any) -> Iterator[tuple[int, WellPlace]]:
    for number, sample in enumerate(well.copyWellSamples()):
        if sample is not None and sample.image is not None:
            yield (
                int(sample.image.id.val),
                WellPlace(
                    plate_id=int(well.plate.id.val),
                    plate_name=well.plate.name.val,
                    well_id=int(well.id.val),
                    row=well.row.val if well.row is not None else 0,
                    column=well.column.val if well.column is not None else 0,
                    field=number,
                ),
            )
