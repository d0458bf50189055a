"""Screens, plates, and images in their wells."""

from __future__ import annotations

from typing import Any

from biomero.adapters.omero.keyed import COMPLETE, discard, find_key, new_key, object_of
from biomero.adapters.omero.writer_session import WritingSession
from biomero.application.ports.omero import OutputKey
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.domain.omero_targets import PlateSpot

_LOOKS = (
    "select p.id, p.rows, p.columns, p.rowNamingConvention, p.columnNamingConvention "
    "from Plate p where p.id = :id"
)
_WELLS = (
    "select w from Well w left outer join fetch w.wellSamples "
    "where w.plate.id = :plate and w.row = :row and w.column = :column order by w.id"
)
_ROWS, _COLUMNS = "letter", "number"


def put_screen(session: WritingSession, key: OutputKey, *, name: str, description: str) -> OmeroRef:
    """See `OmeroWriter.put_screen`. Screen and key are one transaction."""
    import omero.model

    there = _there(session, key, "ScreenAnnotationLink")
    return OmeroRef(
        OmeroKind.SCREEN,
        there or _save(session, omero.model.ScreenI(), key, name=name, description=description),
    )


def put_plate(
    session: WritingSession, key: OutputKey, *, name: str, description: str, screen: int, like: int | None
) -> OmeroRef:
    """See `OmeroWriter.put_plate`; the screen is one that the user may link to.

    Plate, key and the link to the screen are one transaction. Wells come with their first images.
    """
    import omero.model
    from omero.rtypes import rint, rstring

    if (there := _there(session, key, "PlateAnnotationLink")) is not None:
        return OmeroRef(OmeroKind.PLATE, there)
    plate = omero.model.PlateI()
    found = [] if like is None else session.rows(_LOOKS, id=like)
    _, rows, columns, row_names, column_names = found[0] if found else (None, None, None, None, None)
    if rows and columns:
        plate.rows, plate.columns = rint(rows), rint(columns)
    plate.rowNamingConvention = rstring(row_names or _ROWS)
    plate.columnNamingConvention = rstring(column_names or _COLUMNS)
    plate.linkScreen(omero.model.ScreenI(screen, False))  # noqa: FBT003 - omero-py's own
    return OmeroRef(OmeroKind.PLATE, _save(session, plate, key, name=name, description=description))


def well_with(session: WritingSession, spot: PlateSpot, image_id: int) -> Any:
    """Return a well, new where there is none yet, that has an image as its next field; it is to be saved.

    A well keeps its fields in order: OMERO writes their places when it saves the well with all of them.
    """
    import omero.model
    from omero.rtypes import rint

    found = session.objects(_WELLS, plate=spot.plate, row=spot.row, column=spot.column)
    well = found[0] if found else omero.model.WellI()
    if not found:
        well.plate = omero.model.PlateI(spot.plate, False)  # noqa: FBT003 - omero-py's own
        well.row, well.column = rint(spot.row), rint(spot.column)
    sample = omero.model.WellSampleI()
    sample.image = omero.model.ImageI(image_id, False)  # noqa: FBT003 - omero-py's own
    well.addWellSample(sample)
    return well


def _there(session: WritingSession, key: OutputKey, link: str) -> int | None:
    found = find_key(session, key)
    if found is None:
        return None
    there = object_of(session, found, link)
    if there is None:
        discard(session, found)
    return there


def _save(session: WritingSession, thing: Any, key: OutputKey, *, name: str, description: str) -> int:
    from omero.rtypes import rstring

    thing.name, thing.description = rstring(name), rstring(description)
    thing.linkAnnotation(new_key(key, state=COMPLETE))
    made: int = session.save(thing).id.val
    return made
