"""Where in OMERO people look at the results of a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from biomero.application.import_attachments import parents_of
from biomero.domain.omero import OmeroImage, OmeroKind, OmeroRef

_FEW_IMAGES = 3
_MOST = 5


def result_places(
    *, used: Sequence[OmeroRef], touched: Collection[OmeroRef], images: Sequence[OmeroImage]
) -> tuple[OmeroRef, ...]:
    """Return the objects to show, the first few: what images were put into, whoever made it.

    Where no image was put anywhere, they are the images that got something, and what else did; of many
    images what those are in.

    Parameters
    ----------
    used
        Datasets, screens and plates that images were put into.
    touched
        Everything that was made or got something.
    images
        Those of the run.
    """
    if used:
        return tuple(used)[:_MOST]
    others = [ref for ref in touched if ref.kind is not OmeroKind.IMAGE]
    have_got = [image for image in images if OmeroRef(OmeroKind.IMAGE, image.id) in touched]
    shown = [OmeroRef(OmeroKind.IMAGE, image.id) for image in have_got]
    if len(shown) > _FEW_IMAGES:
        shown = parents_of(have_got)
    return tuple(dict.fromkeys([*others, *shown]))[:_MOST]
