"""Objects of a label image as ROIs, some hundred in a transaction."""

from __future__ import annotations

import colorsys
import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biomero.adapters.omero.keyed import INCOMPLETE, completed, find_key, made_among, new_key
from biomero.adapters.omero.roi_runs import Runs, runs_of
from biomero.adapters.omero.roi_shapes import MaskShape, PolygonShape, masks, polygons
from biomero.adapters.omero.writer_delete import delete
from biomero.adapters.omero.writer_session import WritingSession
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.omero import OutputKey, Progress, RoiSettings
from biomero.domain.ids import RunId
from biomero.domain.imaging import ImageMetadata
from biomero.domain.omero_targets import LabelledObject
from biomero.errors import ImageReadError, ParameterError

_AT_ONCE = 500
_BYTES_AT_ONCE = 8 * 1024 * 1024
_DELETED_AT_ONCE = 1000
_FILL_ALPHA = 0x60
_LINE_ALPHA = 0xFF
_PERCENT = 100
_SHAPES = ("polygon", "mask")


def put_rois(
    session: WritingSession,
    key: OutputKey,
    labels: OpenImage,
    image_id: int,
    *,
    settings: RoiSettings,
    progress: Progress | None,
) -> int:
    """See `OmeroWriter.put_rois`; the image is one that the user may annotate.

    An object is a number in one time point and channel of the label image; it is one ROI with shapes in all
    planes (z) where it is. Shapes belong to a time point and plane if both images have as many of them; a
    label image of one plane is for all planes. Progress is told in hundredths.

    First the key is saved alone, then come batches of ROIs that are linked to it, each a transaction, and at
    last the key says that it is complete. Whoever dies leaves whole batches; the next call asks which
    objects are there and goes on with the others.
    """
    has_own = _check(session, labels.metadata, image_id, settings)
    found = find_key(session, key)
    if found is not None and found.is_complete:
        return _count(session, found.annotation)
    annotation = found.annotation if found else session.save(new_key(key, state=INCOMPLETE)).id.val
    rois = _Rois(settings, key.run_id, has_own=has_own, image_id=image_id, annotation=annotation)
    there = _there(session, annotation)
    frames = list(itertools.product(range(labels.metadata.size("t")), range(labels.metadata.size("c"))))
    for done, (t, c) in enumerate(frames):
        frame = _Frame(runs_of(labels, t=t, c=c), t, c, labels.metadata)
        for share, batch in rois.batches(*frame.missing(there)):
            session.save_many(batch)
            _tell(progress, done + share, len(frames))
    session.save(completed(session, annotation))
    _tell(progress, len(frames), len(frames))
    return _count(session, annotation)


def rois_of(session: WritingSession, key: OutputKey) -> dict[LabelledObject, int]:
    """See `OmeroWriter.rois_of`; a ROI whose description was changed since is not known any more."""
    found = find_key(session, key)
    if found is None:
        return {}
    rois = _rois_of(session, found.annotation).items()
    return {one: roi for text, roi in rois if (one := LabelledObject.parse(text)) is not None}


def clear_rois(session: WritingSession, image_id: int, *, name_contains: str, keep: RunId) -> int:
    """See `OmeroWriter.clear_rois`; the texts that viewers show in the shapes are names, too."""
    if not name_contains:
        return 0
    wanted = name_contains.lower()
    matching = {roi for roi, name in _names_on(session, image_id) if wanted in (name or "").lower()}
    ids = sorted(matching - made_among(session, keep, "RoiAnnotationLink", sorted(matching)))
    for first in range(0, len(ids), _DELETED_AT_ONCE):
        delete(session, {"Roi": ids[first : first + _DELETED_AT_ONCE]})
    return len(ids)


@dataclass(frozen=True, slots=True)
class _Object:
    name: str
    """What tells it from the other objects of its label image; `Roi.description`."""
    number: int
    t: int
    place: slice


@dataclass(frozen=True, slots=True)
class _Frame:
    """The objects of one time point and channel."""

    runs: Runs
    t: int
    c: int
    metadata: ImageMetadata

    def missing(self, there: set[str]) -> tuple[Runs, list[_Object]]:
        """Return the runs, and those objects that are not there yet."""
        t, c = (at if self.metadata.size(axis) > 1 else None for axis, at in (("t", self.t), ("c", self.c)))
        objects = [
            _Object(str(LabelledObject(number, t, c)), number, self.t, place)
            for number, place in self.runs.objects()
        ]
        return self.runs, [one for one in objects if one.name not in there]


class _Rois:
    """Makes ROIs of objects."""

    def __init__(
        self,
        settings: RoiSettings,
        run_id: RunId,
        *,
        has_own: Mapping[str, bool],
        image_id: int,
        annotation: int,
    ) -> None:
        self._settings = settings
        import omero.model
        from omero.rtypes import rint

        self._has_own = has_own
        # one thing for all of them, also on the wire: making things takes most of our part of the time
        self._image = omero.model.ImageI(image_id, False)  # noqa: FBT003 - omero-py's own
        self._annotation = omero.model.MapAnnotationI(annotation, False)  # noqa: FBT003 - likewise
        color = settings.color or _color_of(run_id)
        self._fill, self._line = rint(_rgba(color, _FILL_ALPHA)), rint(_rgba(color, _LINE_ALPHA))

    def batches(self, runs: Runs, objects: Sequence[_Object]) -> Iterator[tuple[float, list[Any]]]:
        """Return ROIs, as many at once as one message takes, each time with the share that is done then."""
        batch: list[Any] = []
        size = 0
        for first in range(0, len(objects), _AT_ONCE):
            some = objects[first : first + _AT_ONCE]
            for nth, (one, shapes) in enumerate(zip(some, self._shapes(runs, some), strict=True), 1):
                batch.append(self._roi(one, shapes))
                size += sum(_size(shape) for shape in shapes)
                if size > _BYTES_AT_ONCE or nth == len(some):
                    yield (first + nth) / len(objects), batch
                    batch, size = [], 0

    def _shapes(self, runs: Runs, objects: Sequence[_Object]) -> Iterator[Sequence[PolygonShape | MaskShape]]:
        places = [one.place for one in objects]
        yield from polygons(runs, places) if self._settings.shape == "polygon" else masks(runs, places)

    def _roi(self, one: _Object, shapes: Sequence[PolygonShape | MaskShape]) -> Any:
        import omero.model
        from omero.rtypes import rstring

        name = f"{self._settings.name_prefix} {one.number}".strip()
        roi = omero.model.RoiI()
        roi.name = rstring(name)
        roi.description = rstring(one.name)
        roi.image = self._image
        roi.linkAnnotation(self._annotation)
        for shape in shapes:
            roi.addShape(self._shape(shape, name, one.t))
        return roi

    def _shape(self, shape: PolygonShape | MaskShape, name: str, t: int) -> Any:
        import omero.model
        from omero.model.enums import UnitsLength
        from omero.rtypes import rdouble, rint, rstring

        if isinstance(shape, PolygonShape):
            made = omero.model.PolygonI()
            made.points = rstring(shape.points)
        else:
            made = omero.model.MaskI()
            made.x, made.y = rdouble(shape.x), rdouble(shape.y)
            made.width, made.height = rdouble(shape.width), rdouble(shape.height)
            made.bytes = shape.bits
        made.textValue = rstring(name)
        made.fillColor, made.strokeColor = self._fill, self._line
        made.strokeWidth = omero.model.LengthI(1.0, UnitsLength.PIXEL)
        if self._has_own["t"]:
            made.theT = rint(t)
        if self._has_own["z"]:
            made.theZ = rint(shape.z)
        return made


def _check(
    session: WritingSession, labels: ImageMetadata, image_id: int, settings: RoiSettings
) -> dict[str, bool]:
    """Return along which of z and t planes of the label image are for one plane of the image each."""
    if settings.shape not in _SHAPES:
        raise ParameterError(f"ROIs are {' or '.join(_SHAPES)}, not {settings.shape!r}")
    if np.dtype(labels.dtype).kind not in "uib":
        raise ImageReadError(f"{labels.name} is no label image: it has pixels of type {labels.dtype}")
    found = session.rows(
        "select p.sizeY, p.sizeX, p.sizeZ, p.sizeT from Pixels p where p.image.id = :image", image=image_id
    )
    if not found:
        raise ImageReadError(f"Image:{image_id} has no pixels, and so {labels.name} cannot belong to it")
    sizes = dict(zip("yxzt", found[0], strict=True))
    if any(labels.size(axis) != sizes[axis] for axis in "yx") or any(
        labels.size(axis) not in {1, sizes[axis]} for axis in "zt"
    ):
        theirs = ", ".join(f"{axis} {sizes[axis]}" for axis in "xyzt")
        ours = ", ".join(f"{axis} {labels.size(axis)}" for axis in "xyzt")
        raise ImageReadError(
            f"the label image {labels.name} ({ours}) does not have the size of Image:{image_id} ({theirs})"
        )
    return {axis: labels.size(axis) == sizes[axis] for axis in "zt"}


def _there(session: WritingSession, annotation: int) -> set[str]:
    return set(_rois_of(session, annotation))


def _rois_of(session: WritingSession, annotation: int) -> dict[str, int]:
    query = (
        "select r.id, r.description from RoiAnnotationLink l join l.parent r "
        "where l.child.id = :annotation and r.id > :after order by r.id"
    )
    return {description or "": roi for roi, description in session.paged_rows(query, annotation=annotation)}


def _count(session: WritingSession, annotation: int) -> int:
    query = "select count(distinct l.parent.id) from RoiAnnotationLink l where l.child.id = :annotation"
    return int(session.rows(query, annotation=annotation)[0][0])


def _names_on(session: WritingSession, image_id: int) -> Iterator[tuple[int, str | None]]:
    """Yield the user's ROIs on an image with each name that they have."""
    where = "r.image.id = :image and r.details.owner.id = :owner"
    rois = f"select r.id, r.name from Roi r where {where} and r.id > :after order by r.id"  # noqa: S608 - made of constants
    shapes = (
        "select s.id, r.id, s.textValue from Shape s join s.roi r "  # noqa: S608 - likewise
        f"where {where} and s.id > :after order by s.id"
    )
    for query in (rois, shapes):
        for *_, roi, name in session.paged_rows(query, image=image_id, owner=session.user.id):
            yield roi, name


def _size(shape: PolygonShape | MaskShape) -> int:
    return len(shape.points) if isinstance(shape, PolygonShape) else len(shape.bits)


def _color_of(run_id: RunId) -> str:
    hue = hashlib.sha256(run_id.encode()).digest()[0] / 256
    return "".join(f"{round(part * 255):02x}" for part in colorsys.hsv_to_rgb(hue, 0.85, 1.0))


def _rgba(color: str, alpha: int) -> int:
    """Return a colour as OMERO keeps it: red, green, blue and alpha in one number of 32 bits, with a sign."""
    return int.from_bytes(bytes.fromhex(color) + bytes([alpha]), "big", signed=True)


def _tell(progress: Progress | None, done: float, frames: int) -> None:
    if progress is not None:
        progress(int(_PERCENT * done), _PERCENT * frames)
