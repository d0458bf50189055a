"""Before a run starts: make sure that its results can be put where they were wished to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biomero.application.omero_request import OmeroWishes
from biomero.application.ports.omero import Omero, OmeroWriter
from biomero.domain.omero import OmeroGroup, OmeroImage, OmeroKind, OmeroRef
from biomero.errors import InputError


def settle_places(
    wishes: OmeroWishes, omero: Omero, *, user: str, group: OmeroGroup, images: Sequence[OmeroImage]
) -> OmeroWishes:
    """Return the wishes with the ids of containers that exist already, after a look at each.

    Raises
    ------
    InputError
        If images shall go onto plates and none comes from one, or the user has several containers of a name
        that shall be used again.
    OmeroObjectError
        If a container, or what something shall be attached to, does not exist in the group, or the user may
        not see it.
    OmeroPermissionError
        If the user may not put anything into it, or attach anything to it.
    """
    if wishes.to_screen and not any(image.place for image in images):
        raise InputError(
            "results shall go into a screen, and no image that was chosen is on a plate: choose plates, "
            "wells or screens, or let the results go into a dataset"
        )
    has_ids = wishes.dataset_id is not None or wishes.screen_id is not None
    has_names = wishes.reuse_named and bool(wishes.dataset_name or wishes.screen_name)
    named = [OmeroRef.parse(text) for text in (*wishes.archive_at, *wishes.tables_at, *wishes.files_at)]
    if not (has_ids or has_names or named):
        return wishes
    with omero.writer(user, group_id=group.id) as writer:
        writer.require_annotatable(dict.fromkeys(named))
        dataset_id = _settled(wishes, writer, OmeroKind.DATASET, wishes.dataset_id, wishes.dataset_name)
        screen_id = _settled(wishes, writer, OmeroKind.SCREEN, wishes.screen_id, wishes.screen_name)
    return replace(wishes, dataset_id=dataset_id, screen_id=screen_id)


def _settled(
    wishes: OmeroWishes, writer: OmeroWriter, kind: OmeroKind, number: int | None, name: str
) -> int | None:
    if number is None and name and wishes.reuse_named:
        found = writer.named(kind, name)
        if len(found) > 1:
            refs = ", ".join(str(OmeroRef(kind, one)) for one in found)
            raise InputError(
                f"several of your {kind.value.lower()}s are called {name!r}: {refs}. Give the id of one "
                f"({kind.value}_ID), or another name"
            )
        number = found[0] if found else None
    if number is not None:
        writer.require_linkable(OmeroRef(kind, number))
    return number
