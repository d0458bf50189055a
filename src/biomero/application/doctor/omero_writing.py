"""Checks of an OMERO server by using it: read and write as a user, and take all of it back."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

from biomero.application.doctor.codes import Code
from biomero.application.doctor.findings import Finding, Place
from biomero.application.ports.omero import (
    Omero,
    OmeroReader,
    OmeroWriter,
    OutputKey,
    RoiSettings,
    TableColumn,
)
from biomero.domain.ids import RunId
from biomero.domain.imaging import Channel, ImageMetadata, Quantity
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.domain.omero_targets import PlateSpot
from biomero.errors import ImageError, OmeroError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIDE = 64
_OBJECTS = 2
_NAMESPACE = "biomero/doctor"


def check_writing(omero: Omero, user: str) -> Iterator[Finding]:
    """Make one of everything that runs make, twice, in the user's default group; read it, and delete it."""
    for finding in _check(omero, user):
        yield dataclasses.replace(finding, place=Place.OMERO)


def _check(omero: Omero, user: str) -> Iterator[Finding]:
    try:
        with omero.reader(user) as reader:
            entries = len(reader.contents())
            yield Code.OMERO_LOGIN.ok(omero.address, f"{reader.user.name} has {entries} objects at the top")
            with omero.writer(user, group_id=None) as writer:
                yield from _check_objects(reader, writer)
    except OmeroError as exc:
        yield Code.OMERO_LOGIN.problem(omero.address, str(exc))


def _check_objects(reader: OmeroReader, writer: OmeroWriter) -> Iterator[Finding]:
    trial = _Trial(run_id=RunId(str(uuid.uuid4())), writer=writer)
    group = writer.group
    subject = f"the group {group.name}, {group.access.words}"
    try:
        trial.make()
        made = dict(writer.made(trial.run_id))
        trial.make()
        twice = sorted(set(writer.made(trial.run_id).values()) - set(made.values()))
        if twice:
            yield Code.OMERO_WRITING.problem(subject, f"made twice: {', '.join(map(str, twice))}")
        elif not trial.comes_back(reader):
            yield Code.OMERO_WRITING.problem(subject, "pixels that were written are not those that are read")
        else:
            kinds = ", ".join(sorted({ref.kind.value for ref in made.values()}))
            yield Code.OMERO_WRITING.ok(subject, f"made, found again and read: {kinds}")
    except (ImageError, OmeroError) as exc:
        yield Code.OMERO_WRITING.problem(subject, str(exc))
    yield _tidied(trial, subject)


def _tidied(trial: _Trial, subject: str) -> Finding:
    try:
        count = trial.writer.remove(trial.run_id)
        left = trial.writer.made(trial.run_id)
    except OmeroError as exc:
        return Code.OMERO_TRACES.problem(subject, f"{exc}; the dataset is called {trial.name}")
    if left:
        return Code.OMERO_TRACES.problem(subject, f"left behind: {', '.join(map(str, left.values()))}")
    return Code.OMERO_TRACES.ok(subject, f"{count} objects were deleted again")


@dataclass(slots=True, kw_only=True)
class _Trial:
    run_id: RunId
    writer: OmeroWriter
    image: int = 0

    @property
    def name(self) -> str:
        return f"BIOMERO doctor {self.run_id[:8]}"

    def make(self) -> None:
        """Make one of everything; what is there stays."""
        writer = self.writer
        dataset = writer.put_dataset(
            self._key("dataset"), name=self.name, description="to be deleted at once"
        )
        made = writer.put_image(
            self._key("image"), _Squares(), name=self.name, description="", dataset=dataset.id
        )
        screen = writer.put_screen(self._key("screen"), name=self.name, description="to be deleted at once")
        plate = writer.put_plate(self._key("plate"), name=self.name, description="", screen=screen.id)
        spot = PlateSpot(plate=plate.id, row=0, column=0)
        writer.put_image(
            self._key("field"), _Squares(), name=self.name, description="", dataset=None, on_plate=spot
        )
        self.image = made.id
        target = OmeroRef(OmeroKind.IMAGE, made.id)
        writer.put_rois(self._key("rois"), _Squares(), made.id, RoiSettings(name_prefix="doctor"))
        columns = (
            TableColumn(name="Image", kind="image", values=[made.id]),
            TableColumn(name="area", kind="double", values=[1.5]),
            TableColumn(name="class", kind="string", values=["round"]),
        )
        writer.put_table(self._key("table"), columns, name="doctor.csv", targets=[target])
        with TemporaryDirectory(prefix="biomero-doctor-") as folder:
            file = Path(folder) / "doctor.txt"
            file.write_text("from biomero doctor\n", "ascii")
            writer.put_file(
                self._key("file"), file, name=file.name, media_type="text/plain", targets=[target]
            )
        writer.put_map(self._key("map"), namespace=_NAMESPACE, pairs=[("Key", "Value")], targets=[target])

    def comes_back(self, reader: OmeroReader) -> bool:
        """Say whether the image has the pixels that it was given."""
        whole = slice(0, _SIDE)
        with reader.open(self.image) as read:
            return bool((read.read(y=whole, x=whole) == _Squares().read(y=whole, x=whole)).all())

    def _key(self, output: str) -> OutputKey:
        return OutputKey(run_id=self.run_id, output=output)


class _Squares:
    """A small image with two squares, which are also its labels."""

    metadata = ImageMetadata(
        name="squares",
        axes="yx",
        shape=(_SIDE, _SIDE),
        dtype="uint16",
        scale={axis: Quantity(value=0.5, unit="micrometer") for axis in "yx"},
        channels=(Channel(name="squares", color="FFFFFF"),),
    )
    block_shape = (_SIDE, _SIDE)

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:  # noqa: ARG002 - there is one plane
        """See `OpenImage.read`."""
        import numpy as np  # noqa: PLC0415 - an examination without OMERO does without

        plane = np.zeros((_SIDE, _SIDE), np.uint16)
        for number in range(_OBJECTS):
            plane[8 + 24 * number : 16 + 24 * number, 8:16] = number + 1
        return plane[y, x]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave it; nothing is open."""
