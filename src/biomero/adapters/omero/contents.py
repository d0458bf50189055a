"""Which images are behind an object, in the order in which people expect them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from biomero.adapters.omero.queries import Questions
from biomero.adapters.omero.wells import WellReader
from biomero.domain.omero import OmeroKind, OmeroRef, name_order

_BELOW = (
    "select child.id, child.name from {} link join link.child child "
    "where link.parent.id = :id and child.id > :after order by child.id"
)
_DATASETS = _BELOW.format("ProjectDatasetLink")
_IMAGES = _BELOW.format("DatasetImageLink")
_PLATES = _BELOW.format("ScreenPlateLink")


class Contents:
    """Lists the ids of images; an image that is there twice may come twice."""

    def __init__(self, questions: Questions, wells: WellReader) -> None:
        self._questions = questions
        self._wells = wells

    def images_in(self, ref: OmeroRef) -> Iterator[int]:
        """Yield ids: by name within datasets, by place on plates."""
        match ref.kind:
            case OmeroKind.IMAGE:
                yield ref.id
            case OmeroKind.DATASET:
                yield from self._by_name(_IMAGES, ref.id)
            case OmeroKind.PROJECT:
                for dataset in self._by_name(_DATASETS, ref.id):
                    yield from self._by_name(_IMAGES, dataset)
            case OmeroKind.WELL:
                yield from self._wells.images_in([ref.id])
            case OmeroKind.PLATE:
                yield from self._on_plate(ref.id)
            case OmeroKind.SCREEN:
                for plate in self._by_name(_PLATES, ref.id):
                    yield from self._on_plate(plate)
            case _:
                raise ValueError(f"{ref} is nothing that images are in")

    def _on_plate(self, plate: int) -> Iterator[int]:
        return self._wells.images_in(self._wells.on_plate(plate))

    def _by_name(self, hql: str, container: int) -> Sequence[int]:
        names = dict(self._questions.paged_rows(hql, id=container))
        return sorted(names, key=lambda one: (name_order(names[one]), one))
