"""Stores that workflows wrote: what is in a plate, and the label images in an image, are results, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from biomero.application.ports.stores import StoreContents
from biomero.domain.delivery import stem_of
from biomero.domain.name_beginnings import ImagesByName
from biomero.domain.plates import SUFFIX, FieldPath, field_stem, split_staged


@dataclass(frozen=True, slots=True)
class Found:
    """An output.

    Parameters
    ----------
    place
        Where it lies below the folder of outputs.
    name
        What it is called; an image in a plate or in another has the name that it would have alone.
    is_label
        It lies where OME-Zarr has label images.
    """

    place: str
    name: str
    is_label: bool = False


class StoredOutputs:
    """Takes stores apart.

    A plate belongs to the plate that was sent whose name its own begins with, by the rule for images (see
    `ImagesByName`); and an image in it to the image in that one's same row, column and field.

    Parameters
    ----------
    images
        For the index of each image that was sent in a plate: its stem, and its place.
    """

    def __init__(self, plates: StoreContents, images: Mapping[int, tuple[str, str]]) -> None:
        self._plates = plates
        self._indices: dict[tuple[str, FieldPath], int] = {}
        self._stems = {index: stem for index, (stem, _) in images.items()}
        for index, (_, place) in images.items():
            if (split := split_staged(place)) is not None:
                self._indices[split] = index
        self._sent = dict(enumerate(dict.fromkeys(plate for plate, _ in self._indices)))
        self.by_name = ImagesByName(self._sent)

    def split(self, folder: Path, name: str) -> list[tuple[int | None, Found]]:
        """Return the images of a plate, each with the index of its source; none if it is no plate."""
        if not name.lower().endswith(".zarr"):
            return []
        number = self.by_name.owner_of(name)
        plate = None if number is None else self._sent[number]
        return [self._found(name, plate, field) for field in self._plates.fields(folder / name)]

    def labels_in(self, folder: Path, found: Found) -> list[Found]:
        """Return the label images inside an image, called by its name and theirs."""
        if not found.name.lower().endswith(".zarr"):
            return []
        path = PurePosixPath(found.name)
        stem = str(path.with_name(stem_of(path.name)))
        return [
            Found(f"{found.place}/labels/{label}", f"{stem}_{label}{SUFFIX}", is_label=True)
            for label in self._plates.labels(folder / found.place)
        ]

    def _found(self, name: str, plate: str | None, field: FieldPath) -> tuple[int | None, Found]:
        stem = stem_of(PurePosixPath(name).name)
        place = f"{name}/{field}"
        index = None if plate is None else self._indices.get((plate, field))
        if plate is None or index is None:
            return None, Found(place, f"{field_stem(stem, field)}{SUFFIX}")
        rest = stem.removeprefix(plate) if stem.startswith(plate) else f"_{stem}"
        return index, Found(place, f"{self._stems[index]}{rest}{SUFFIX}")
