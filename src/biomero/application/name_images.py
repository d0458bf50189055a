"""Names of OMERO's images during a run, by which a workflow's outputs are known as theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from biomero.application.run_request import RequestedImage
from biomero.domain.name_beginnings import names_apart
from biomero.domain.omero import OmeroImage, image_address
from biomero.domain.selection import safe_name, stem


def name_images(images: Sequence[OmeroImage]) -> tuple[RequestedImage, ...]:
    """Give each image a name for its run: its own, and its id where that is another's, or begins another's.

    A workflow calls its outputs by these names, so that each output is one image's, whatever names are in
    OMERO and whatever the workflow puts behind them.
    """
    names, _ = name_with_plates(images, {})
    return tuple(
        RequestedImage(index=index, name=name, path=Path(image_address(image.id)))
        for index, (image, name) in enumerate(zip(images, names, strict=True))
    )


def name_with_plates(
    images: Sequence[OmeroImage], plates: Mapping[int, str]
) -> tuple[list[str], dict[int, str]]:
    """Return names of images, and of plates beside them by their ids, of which none begins another.

    Nor does one begin what a field of a plate is called by (see `field_stem`), or the other way round.
    """
    plain = [*(stem(image.name) for image in images), *plates.values()]
    marks = [*(f"id{image.id}" for image in images), *(f"plate{plate}" for plate in plates)]
    names = names_apart([safe_name(name) for name in plain], marks)
    return names[: len(images)], dict(zip(plates, names[len(images) :], strict=True))
