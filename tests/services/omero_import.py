"""Results of a run that nobody ran, put into an OMERO."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tifffile
from numpy.typing import NDArray

from biomero.adapters.tables import TableFiles
from biomero.application.import_objects import Imported, ImportObjects
from biomero.application.omero_request import OmeroRequest, OmeroWishes
from biomero.application.ports.omero import OmeroWriter
from biomero.application.run_document import OutputKind, OutputRecord
from biomero.bootstrap import image_sources
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroRef
from services.omero_world import OmeroWorld


@dataclass
class Results:
    """Results in a folder, and the images of OMERO that they are of.

    Parameters
    ----------
    user
        Whose the run is, by name.
    """

    folder: Path
    world: OmeroWorld
    user: str
    chosen: Sequence[OmeroRef]
    run_id: RunId = field(default_factory=lambda: RunId(str(uuid.uuid4())))
    outputs: list[OutputRecord] = field(default_factory=list)
    request: OmeroRequest = field(init=False)

    def __post_init__(self) -> None:
        with self.world.omero.reader(self.user) as reader:
            selection, user = reader.select(self.chosen), reader.user
        self.request = OmeroRequest(
            server=self.world.omero.address,
            user=user.name,
            user_id=user.id,
            group_id=selection.group.id,
            group_name=selection.group.name,
            chosen=tuple(self.chosen),
            images=selection.images,
        )

    @property
    def stems(self) -> list[str]:
        return [f"image_{number}" for number in range(len(self.request.images))]

    def image(
        self, made_as: str, pixels: NDArray[Any], *, of: int | None, kind: OutputKind = OutputKind.LABEL
    ) -> None:
        """Add an image; which of the run's images it is of is said by its number."""
        path = self.folder / made_as
        path.parent.mkdir(parents=True, exist_ok=True)
        axes = "TYX" if pixels.ndim == len("TYX") else "YX"
        is_ome = made_as.endswith(".ome.tif")
        white = {"Channel": {"Color": [-1]}} if is_ome else {}
        tifffile.imwrite(path, pixels, metadata={"axes": axes, **white}, ome=is_ome)
        self._add(made_as, of, kind)

    def table(self, made_as: str, text: str, *, of: int | None) -> None:
        """Add a table."""
        self.file(made_as, text.encode(), of=of, kind=OutputKind.TABLE)

    def file(self, made_as: str, content: bytes, *, of: int | None, kind: OutputKind) -> None:
        """Add any file."""
        path = self.folder / made_as
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._add(made_as, of, kind)

    def _add(self, made_as: str, of: int | None, kind: OutputKind) -> None:
        content = (self.folder / made_as).read_bytes()
        record = OutputRecord(
            path=made_as,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            kind=kind,
            image=of,
            made_as=made_as,
        )
        self.outputs.append(record)

    def put(self, wishes: OmeroWishes, *, writer: OmeroWriter | None = None, **more: Any) -> Imported:
        """Put all of them into OMERO."""
        if writer is None:
            with self.world.omero.writer(self.user, group_id=self.request.group_id) as own:
                return self.put(wishes, writer=own, **more)
        outputs = more.pop("outputs", self.outputs)
        return ImportObjects(
            run_id=self.run_id,
            workflow="nuclei",
            request=replace(self.request, wishes=wishes),
            results=self.folder,
            files=image_sources(),
            tables=TableFiles(),
            writer=writer,
            maps=[("biomero/workflow", [("Workflow_ID", self.run_id)])],
            stems=self.stems,
            on_output=lambda _done, _of: None,
            **more,
        ).run(outputs)
