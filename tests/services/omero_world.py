"""An OMERO with users and images, made the same way in memory and on the test server."""

from __future__ import annotations

import dataclasses
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.omero import IceOmero
from biomero.adapters.omero.session import open_session
from biomero.adapters.system import SystemClock
from biomero.application.ports.image_source import ImageSource
from biomero.application.ports.omero import Omero, OutputKey
from biomero.application.settings import OmeroSettings
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroKind, OmeroRef, OmeroUser
from biomero.testing.images import ArrayImage
from biomero.testing.omero import FakeOmero
from services.omero_server import PASSWORD, OmeroServer

Wells = Mapping[tuple[int, int], Sequence[NDArray[Any]]]


class OmeroWorld(Protocol):
    """Makes what tests look at."""

    @property
    def omero(self) -> Omero: ...

    def group(self, name: str, access: GroupAccess) -> OmeroGroup: ...

    def user(self, name: str, *groups: OmeroGroup) -> OmeroUser: ...

    def container(
        self, kind: OmeroKind, name: str, owner: OmeroUser, group: OmeroGroup, parent: OmeroRef | None = None
    ) -> OmeroRef: ...

    def image(
        self,
        name: str,
        owner: OmeroUser,
        group: OmeroGroup,
        *,
        pixels: NDArray[Any] | None = None,
        dataset: OmeroRef | None = None,
    ) -> OmeroRef: ...

    def image_without_pixels(self, name: str, owner: OmeroUser, group: OmeroGroup) -> OmeroRef: ...

    def plate(
        self, name: str, wells: Wells, owner: OmeroUser, group: OmeroGroup, screen: OmeroRef | None = None
    ) -> OmeroRef: ...

    def file(self, name: str, content: bytes, owner: OmeroUser, group: OmeroGroup) -> int: ...

    def table(self, ref: OmeroRef, reader: OmeroUser) -> dict[str, list[Any]]: ...

    def images_of(self, annotation: OmeroRef) -> list[OmeroRef]: ...


PIXELS = np.arange(2 * 3 * 16 * 20, dtype=np.uint16).reshape(1, 2, 3, 16, 20)
"""What an image has whose pixels do not matter."""


@dataclass
class FakeWorld:
    """In memory; see `OmeroWorld`."""

    omero: FakeOmero = field(default_factory=FakeOmero)

    def group(self, name: str, access: GroupAccess) -> OmeroGroup:
        return self.omero.group(name, access)

    def user(self, name: str, *groups: OmeroGroup) -> OmeroUser:
        return self.omero.user(name, *groups)

    def container(
        self, kind: OmeroKind, name: str, owner: OmeroUser, group: OmeroGroup, parent: OmeroRef | None = None
    ) -> OmeroRef:
        return self.omero.container(kind, name, owner=owner, group=group, parent=parent)

    def image(
        self,
        name: str,
        owner: OmeroUser,
        group: OmeroGroup,
        *,
        pixels: NDArray[Any] | None = None,
        dataset: OmeroRef | None = None,
    ) -> OmeroRef:
        content = ArrayImage((PIXELS if pixels is None else pixels)[0], name=name)
        made = self.omero.image(name, content, owner=owner, group=group, parent=dataset)
        return OmeroRef(OmeroKind.IMAGE, made)

    def image_without_pixels(self, name: str, owner: OmeroUser, group: OmeroGroup) -> OmeroRef:
        return OmeroRef(OmeroKind.IMAGE, self.omero.image(name, None, owner=owner, group=group))

    def plate(
        self, name: str, wells: Wells, owner: OmeroUser, group: OmeroGroup, screen: OmeroRef | None = None
    ) -> OmeroRef:
        plate = self.container(OmeroKind.PLATE, name, owner, group, screen)
        for (row, column), fields in wells.items():
            well = self.omero.well(plate, row, column)
            for number, pixels in enumerate(fields):
                self.image(f"{name} {row} {column} {number}", owner, group, pixels=pixels, dataset=well)
        return plate

    def file(self, name: str, content: bytes, owner: OmeroUser, group: OmeroGroup) -> int:
        return self.omero.file(name, content, owner=owner, group=group)

    def table(self, ref: OmeroRef, reader: OmeroUser) -> dict[str, list[Any]]:  # noqa: ARG002 - as the protocol
        return {column.name: list(column.values) for column in self.omero.store.things[ref].content}

    def images_of(self, annotation: OmeroRef) -> list[OmeroRef]:
        targets = self.omero.store.things[annotation].targets
        return [ref for ref in targets if ref.kind is OmeroKind.IMAGE]


@dataclass
class ServerWorld:
    """On the test server, with names of its own for users and groups; see `OmeroWorld`.

    Attributes
    ----------
    service
        The account that acts for users: an administrator who may do nothing else.
    """

    server: OmeroServer
    files: ImageSource | None = None
    mark: str = field(default_factory=lambda: secrets.token_hex(3))

    def __post_init__(self) -> None:
        self.service = f"service-{self.mark}"
        self.server.add_user(self.service, is_admin=True, privileges=["Sudo"])

    @property
    def omero(self) -> IceOmero:
        return self.omero_with()

    def omero_with(self, *, patience_s: float = 60, **settings: Any) -> IceOmero:
        return IceOmero(self.settings(**settings), SystemClock(), self.files, patience_s=patience_s)

    def settings(self, **others: Any) -> OmeroSettings:
        usual = OmeroSettings(host=self.server.url, user=self.service, password=PASSWORD)
        return dataclasses.replace(usual, **others)

    def group(self, name: str, access: GroupAccess) -> OmeroGroup:
        called = f"{name}-{self.mark}"
        return OmeroGroup(id=self.server.add_group(called, access.value), name=called, access=access)

    def user(self, name: str, *groups: OmeroGroup) -> OmeroUser:
        called = f"{name}-{self.mark}"
        return OmeroUser(id=self.server.add_user(called, [group.name for group in groups]), name=called)

    def container(
        self, kind: OmeroKind, name: str, owner: OmeroUser, group: OmeroGroup, parent: OmeroRef | None = None
    ) -> OmeroRef:
        project = None if parent is None else parent.id
        made = self.server.add_container(
            kind.value, name, owner=owner.name, group=group.name, project=project
        )
        return OmeroRef(kind, made)

    def image(
        self,
        name: str,
        owner: OmeroUser,
        group: OmeroGroup,
        *,
        pixels: NDArray[Any] | None = None,
        dataset: OmeroRef | None = None,
    ) -> OmeroRef:
        made = self.server.add_image(
            name,
            PIXELS if pixels is None else pixels,
            owner=owner.name,
            group=group.name,
            dataset=None if dataset is None else dataset.id,
        )
        return OmeroRef(OmeroKind.IMAGE, made)

    def image_without_pixels(self, name: str, owner: OmeroUser, group: OmeroGroup) -> OmeroRef:
        from omero.model import ImageI
        from omero.rtypes import rstring

        with open_session(self.settings(), owner.name, group.id) as session:
            image = ImageI()
            image.name = rstring(name)
            made = session.factory.getUpdateService().saveAndReturnObject(image)
        return OmeroRef(OmeroKind.IMAGE, made.id.val)

    def plate(
        self, name: str, wells: Wells, owner: OmeroUser, group: OmeroGroup, screen: OmeroRef | None = None
    ) -> OmeroRef:
        made = self.server.add_plate(
            name,
            wells,
            owner=owner.name,
            group=group.name,
            size=(8, 12),
            screen=None if screen is None else screen.id,
        )
        return OmeroRef(OmeroKind.PLATE, made)

    def file(self, name: str, content: bytes, owner: OmeroUser, group: OmeroGroup) -> int:
        key = OutputKey(run_id=RunId("of tests"), output=secrets.token_hex(4))
        with (
            self.omero.writer(owner.name, group_id=group.id) as writer,
            tempfile.TemporaryDirectory() as folder,
        ):
            path = Path(folder, "content")
            path.write_bytes(content)
            return writer.put_file(key, path, name=name, media_type="text/plain", targets=()).id

    def table(self, ref: OmeroRef, reader: OmeroUser) -> dict[str, list[Any]]:
        from omero.model import OriginalFileI

        file = next(row["file"] for row in self.server.rows("FileAnnotation") if row["id"] == ref.id)
        with open_session(self.settings(), reader.name) as session:
            table = session.factory.sharedResources().openTable(
                OriginalFileI(file, False),  # noqa: FBT003 - omero-py's own
                {"omero.group": "-1"},
            )
            columns = table.read(range(len(table.getHeaders())), 0, table.getNumberOfRows()).columns
            return {column.name: list(column.values) for column in columns}

    def images_of(self, annotation: OmeroRef) -> list[OmeroRef]:
        links = self.server.rows("ImageAnnotationLink")
        return [OmeroRef(OmeroKind.IMAGE, link["parent"]) for link in links if link["child"] == annotation.id]
