"""Use case: turn what a user chose in OMERO into the images of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from biomero.application.choose_omero_files import choose_omero_files
from biomero.application.name_images import name_images
from biomero.application.omero_images import omero_for
from biomero.application.omero_places import settle_places
from biomero.application.omero_request import OmeroRequest, OmeroWishes
from biomero.application.run_request import RequestedImage
from biomero.application.services import Services
from biomero.domain.descriptor import WorkflowDescriptor
from biomero.domain.omero import OmeroRef, OmeroSelection
from biomero.errors import OmeroPermissionError

_MOST_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroOrder:
    """What a user chose in OMERO, and what shall be made there of the results.

    Parameters
    ----------
    user
        Whose run it is, by the name that they log in with.
    files
        Ids of file annotations for the workflow's further inputs, by the input's id.
    """

    user: str
    chosen: Sequence[OmeroRef]
    wishes: OmeroWishes = field(default_factory=OmeroWishes)
    files: Mapping[str, Sequence[int]] = field(default_factory=dict)


def choose_omero_images(
    order: OmeroOrder, services: Services, descriptor: WorkflowDescriptor
) -> tuple[OmeroRequest, tuple[RequestedImage, ...]]:
    """Look at everything that was chosen, as the user, before anything is sent anywhere.

    Raises
    ------
    InputError
        If it is in several groups, or has no image, a file is not as the workflow takes it, or results cannot
        go where they shall (`settle_places`).
    OmeroObjectError
        If something does not exist, or the user may not see it.
    OmeroPermissionError
        If the user may not make there what they want to have made.
    OmeroError
        If OMERO does not answer, or does not know the user.
    ConfigurationError
        If no OMERO is configured.
    """
    omero = omero_for(None, services)
    with omero.reader(order.user) as reader:
        selection, user = reader.select(order.chosen), reader.user
        files = choose_omero_files(descriptor, order.files, reader, selection.group)
    if order.wishes:
        check_writable(omero.check_writable(order.user, selection.images), selection)
    wishes = settle_places(
        order.wishes, omero, user=order.user, group=selection.group, images=selection.images
    )
    request = OmeroRequest(
        server=omero.address,
        user=user.name,
        user_id=user.id,
        group_id=selection.group.id,
        group_name=selection.group.name,
        chosen=tuple(order.chosen),
        images=selection.images,
        wishes=wishes,
        files=files,
    )
    return request, name_images(selection.images)


def check_writable(problems: Sequence[str], selection: OmeroSelection) -> None:
    """Refuse images to which results cannot be brought back.

    Raises
    ------
    OmeroPermissionError
        If there is a problem; the first few are told.
    """
    if not problems:
        return
    more = len(problems) - _MOST_TOLD
    told = "; ".join([*problems[:_MOST_TOLD], *([f"and {more} more"] if more > 0 else [])])
    raise OmeroPermissionError(
        f"{told}. The group {selection.group.name} is {selection.group.access.words}: ask its owner, or have "
        "the results written to a folder (--out) only"
    )
