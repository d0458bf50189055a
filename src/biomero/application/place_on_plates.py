"""Lay the images of wells together as the plates that they are of, where a workflow reads plates."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from biomero.application.name_images import name_with_plates
from biomero.application.omero_request import OmeroRequest
from biomero.application.ports.stores import StoreContents
from biomero.application.run_request import RequestedImage
from biomero.domain.descriptor import WorkflowDescriptor
from biomero.domain.plates import SUFFIX, FieldPath, field_stem
from biomero.domain.selection import safe_name, stem
from biomero.errors import InputError

Plates = Literal["auto", "fields", "hcs"]
"""How images of wells reach a workflow: as it says, each alone, or as plates (high-content screening)."""


@dataclass(frozen=True, slots=True)
class _Place:
    plate: str
    """What tells plates apart that have one name."""
    name: str
    field: FieldPath


@dataclass(frozen=True, slots=True)
class _Names:
    plates: Mapping[str, str]
    """By what tells plates apart."""
    images: Mapping[int, str]


def wants_plates(wanted: Plates, descriptor: WorkflowDescriptor) -> bool:
    """Say whether images of wells shall be laid together.

    Raises
    ------
    InputError
        If the workflow reads no OME-Zarr, and plates were asked for.
    """
    if wanted == "hcs" and not descriptor.takes_zarr:
        raise InputError(
            f"--plates hcs: {descriptor.name} reads no OME-Zarr, and there are no plates of other formats; "
            "leave it out, and each image of a well comes alone"
        )
    return wanted == "hcs" or (wanted == "auto" and descriptor.takes_plates)


def place_on_plates(
    images: Sequence[RequestedImage], omero: OmeroRequest | None, plates: StoreContents, *, is_asked: bool
) -> tuple[RequestedImage, ...]:
    """Return the images, those of wells with their place in a plate and a name by it: ``P_A_1_0``.

    Images that are of no plate stay as they are, each alone.

    Parameters
    ----------
    is_asked
        Somebody said that there are plates.

    Raises
    ------
    InputError
        If there are none then.
    """
    places = _in_omero(omero) if omero is not None else _in_files(images, plates)
    if not places:
        if is_asked:
            raise InputError("--plates hcs: no image is of a well on a plate")
        return tuple(images)
    names = _of_files(images, places) if omero is None else _of_omero(omero, places)
    return tuple(
        dataclasses.replace(
            image,
            name=names.images[image.index],
            staged_as=f"{names.plates[place.plate]}{SUFFIX}/{place.field}",
        )
        if (place := places.get(image.index)) is not None
        else dataclasses.replace(image, name=names.images[image.index])
        for image in images
    )


def _in_omero(omero: OmeroRequest) -> dict[int, _Place]:
    return {
        index: _Place(f"{place.plate_id}", place.plate_name, FieldPath.of_place(place))
        for index, image in enumerate(omero.images)
        if (place := image.place) is not None
    }


def _in_files(images: Sequence[RequestedImage], plates: StoreContents) -> dict[int, _Place]:
    found = {path: plates.fields(path) for path in dict.fromkeys(image.path for image in images)}
    return {
        image.index: _Place(str(image.path), stem(image.path.name), found[image.path][image.series])
        for image in images
        if image.series < len(found[image.path])
    }


def _of_omero(omero: OmeroRequest, places: Mapping[int, _Place]) -> _Names:
    alone = {index: image for index, image in enumerate(omero.images) if index not in places}
    of_plates = {int(place.plate): place.name for place in places.values()}
    told, plates = name_with_plates(list(alone.values()), of_plates)
    names = {str(plate): name for plate, name in plates.items()}
    return _Names(names, {**dict(zip(alone, told, strict=True)), **_fields(places, names)})


def _of_files(images: Sequence[RequestedImage], places: Mapping[int, _Place]) -> _Names:
    """Give each plate a folder's name; where two are alike, with a number, as images beside them."""
    plain = {place.plate: safe_name(place.name) for place in places.values()}
    numbers = {plate: number for number, plate in enumerate(plain, start=1)}
    told = _told_apart({numbers[plate]: name for plate, name in plain.items()})
    names = {plate: told[number] for plate, number in numbers.items()}
    given = {image.index: image.name for image in images} | _fields(places, names)
    return _Names(names, _told_apart(given, taken=names.values()))


def _fields(places: Mapping[int, _Place], names: Mapping[str, str]) -> dict[int, str]:
    return {index: field_stem(names[place.plate], place.field) for index, place in places.items()}


def _told_apart(names: Mapping[int, str], *, taken: Iterable[str] = ()) -> dict[int, str]:
    """Return names by their numbers; one that is another's, or taken, gets its number.

    On no file system are two of them the same, nor is what a number makes of one the name of another.
    """
    counts = Counter(name.lower() for name in (*names.values(), *taken))
    given = set(counts)
    told = {}
    for number, name in names.items():
        own = name
        if counts[name.lower()] > 1:
            own = f"{name}_{number}"
            while own.lower() in given:
                own = f"{own}_"
            given.add(own.lower())
        told[number] = own
    return told
