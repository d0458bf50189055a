"""An OMERO server in memory, for tests of what uses one; it keeps the contract of `Omero`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.omero import OmeroReader, OmeroWriter, Progress
from biomero.domain.omero import (
    GroupAccess,
    OmeroEntry,
    OmeroFile,
    OmeroGroup,
    OmeroImage,
    OmeroKind,
    OmeroRef,
    OmeroSelection,
    OmeroUser,
    WellPlace,
    name_order,
    well_name,
)
from biomero.errors import (
    ImageReadError,
    InputError,
    OmeroLoginError,
    OmeroObjectError,
    OmeroPermissionError,
    OmeroUnavailableError,
)
from biomero.testing.images import ArrayImage
from biomero.testing.omero_files import describe_file, write_file
from biomero.testing.omero_store import Store, Thing
from biomero.testing.omero_writer import FakeWriter

_CONTAINERS = {
    OmeroKind.PROJECT: OmeroKind.DATASET,
    OmeroKind.DATASET: OmeroKind.IMAGE,
    OmeroKind.SCREEN: OmeroKind.PLATE,
    OmeroKind.PLATE: OmeroKind.WELL,
    OmeroKind.WELL: OmeroKind.IMAGE,
}


_TOP = (OmeroKind.PROJECT, OmeroKind.DATASET, OmeroKind.SCREEN, OmeroKind.PLATE)


@dataclass
class FakeOmero:
    """Users, groups, containers and images, made by the methods below; all state is in `store`.

    Parameters
    ----------
    is_up
        If not, nobody is answered.
    """

    store: Store = field(default_factory=Store)
    is_up: bool = True
    address: str = "omero.example.org:4064"

    def group(self, name: str, access: GroupAccess = GroupAccess.READ_ANNOTATE) -> OmeroGroup:
        """Make a group."""
        group = OmeroGroup(id=self.store.new_id(), name=name, access=access)
        self.store.groups[group.id] = group
        return group

    def user(self, name: str, *groups: OmeroGroup) -> OmeroUser:
        """Make a user, a member of groups."""
        user = OmeroUser(
            id=self.store.new_id(), name=name, full_name=name.title(), email=f"{name}@example.org"
        )
        self.store.users[name] = user
        self.store.members.update((user.id, group.id) for group in groups)
        return user

    def container(
        self,
        kind: OmeroKind,
        name: str,
        *,
        owner: OmeroUser,
        group: OmeroGroup,
        parent: OmeroRef | None = None,
    ) -> OmeroRef:
        """Make a project, dataset, screen or plate."""
        return self.store.add(Thing(kind=kind, name=name, owner=owner.id, group=group.id, parent=parent))

    def well(self, plate: OmeroRef, row: int, column: int) -> OmeroRef:
        """Make a well."""
        of = self.store.things[plate]
        return self.store.add(
            Thing(kind=OmeroKind.WELL, owner=of.owner, group=of.group, parent=plate, place=(row, column))
        )

    def image(
        self,
        name: str,
        pixels: ArrayImage | None,
        *,
        owner: OmeroUser,
        group: OmeroGroup,
        parent: OmeroRef | None = None,
    ) -> int:
        """Make an image, without pixels if none are given; return its id."""
        thing = Thing(
            kind=OmeroKind.IMAGE, name=name, owner=owner.id, group=group.id, parent=parent, pixels=pixels
        )
        return self.store.add(thing).id

    def file(self, name: str, content: bytes, *, owner: OmeroUser, group: OmeroGroup) -> int:
        """Make a file annotation that is linked to nothing; return its id."""
        thing = Thing(kind=OmeroKind.FILE, name=name, owner=owner.id, group=group.id, content=content)
        return self.store.add(thing).id

    @contextmanager
    def reader(self, user: str) -> Iterator[OmeroReader]:
        """See `Omero.reader`."""
        yield _Reader(self, self._login(user))

    @contextmanager
    def writer(self, user: str, *, group_id: int | None) -> Iterator[OmeroWriter]:
        """See `Omero.writer`; the group that was made first is the default one."""
        found = self._login(user)
        if group_id is None:
            group_id = min(group for member, group in self.store.members if member == found.id)
        if (found.id, group_id) not in self.store.members:
            raise OmeroPermissionError(f"{user} is no member of the group {group_id}")
        yield FakeWriter(self.store, found, self.store.groups[group_id])

    def check_writable(self, user: str, images: Sequence[OmeroImage]) -> Sequence[str]:
        """See `Omero.check_writable`."""
        found = self._login(user)
        return [
            f"{user} may not annotate Image:{image.id} ({image.name}): it belongs to another user"
            for image in images
            if not self.store.may_annotate(found, OmeroRef(OmeroKind.IMAGE, image.id))
        ]

    def _login(self, name: str) -> OmeroUser:
        if not self.is_up:
            raise OmeroUnavailableError(f"{self.address} does not answer")
        if name not in self.store.users:
            raise OmeroLoginError(f"{self.address} has no user {name}")
        return self.store.users[name]


@dataclass
class _Reader:
    omero: FakeOmero
    user: OmeroUser

    def select(self, chosen: Sequence[OmeroRef]) -> OmeroSelection:
        """See `OmeroReader.select`."""
        store = self.omero.store
        found: dict[int, OmeroImage] = {}
        problems = []
        for ref in chosen:
            inside = list(self._images_in(ref))
            found.update((i, found.get(i) or self._describe(i)) for i in inside)
            if not inside:
                problems.append(f"{ref} ({store.things[ref].name}) has no image")
        groups = {store.things[ref].group for ref in chosen}
        if len(groups) > 1:
            names = ", ".join(sorted(store.groups[g].name for g in groups))
            raise InputError(f"what was chosen is in several groups ({names}); choose from one of them")
        if not found:
            raise InputError("; ".join(problems) or "nothing was chosen")
        return OmeroSelection(
            images=tuple(found.values()), group=store.groups[groups.pop()], problems=tuple(problems)
        )

    def contents(self, inside: OmeroRef | None = None) -> Sequence[OmeroEntry]:
        """See `OmeroReader.contents`."""
        store = self.omero.store
        if inside is not None:
            self._thing(inside)
        found = [
            ref
            for ref, thing in store.things.items()
            if (thing.parent == inside or inside in thing.also_in)
            and ref.kind in {*_CONTAINERS, OmeroKind.IMAGE}
            and store.may_read(self.user, ref)
            and (inside is not None or (thing.owner == self.user.id and ref.kind is not OmeroKind.IMAGE))
        ]
        owners = {user.id: user.name for user in store.users.values()}
        kinds = [*_TOP, OmeroKind.WELL, OmeroKind.IMAGE]
        things = store.things
        found.sort(
            key=lambda r: (kinds.index(r.kind), things[r].place or (), name_order(things[r].name), r.id)
        )
        return [
            OmeroEntry(
                ref=ref,
                name=_name_of(things[ref]),
                owner=owners[things[ref].owner],
                group=store.groups[things[ref].group].name,
            )
            for ref in found
        ]

    def open(self, image_id: int) -> OpenImage:
        """See `OmeroReader.open`."""
        self._ask()
        pixels = self._thing(OmeroRef(OmeroKind.IMAGE, image_id)).pixels
        if pixels is None:
            raise ImageReadError(f"Image:{image_id} has no pixels")
        return pixels

    def files(self, annotation_ids: Sequence[int]) -> Sequence[OmeroFile]:
        """See `OmeroReader.files`."""
        self._ask()
        return [describe_file(self.omero.store, self.user, number) for number in annotation_ids]

    def download(self, file: OmeroFile, path: Path, *, progress: Progress | None = None) -> None:
        """See `OmeroReader.download`."""
        self._ask()
        write_file(self.omero.store, self.user, file, path)
        if progress is not None:
            progress(file.size, file.size)

    def _ask(self) -> None:
        if not self.omero.is_up:
            raise OmeroUnavailableError(f"{self.omero.address} does not answer")

    def _thing(self, ref: OmeroRef) -> Thing:
        thing = self.omero.store.things.get(ref)
        if thing is None or not self.omero.store.may_read(self.user, ref):
            raise OmeroObjectError(f"there is no {ref}, or {self.user.name} may not see it")
        return thing

    def _images_in(self, ref: OmeroRef) -> Iterator[int]:
        self._thing(ref)
        if ref.kind is OmeroKind.IMAGE:
            yield ref.id
            return
        things = self.omero.store.things
        below = [
            r
            for r, t in things.items()
            if (t.parent == ref or ref in t.also_in) and r.kind is _CONTAINERS[ref.kind]
        ]
        if ref.kind is not OmeroKind.WELL:  # fields are in the order in which they were put there
            below.sort(key=lambda r: (things[r].place or (0, 0), name_order(things[r].name), r.id))
        for child in below:
            if self.omero.store.may_read(self.user, child):
                yield from self._images_in(child)

    def _describe(self, image_id: int) -> OmeroImage:
        store = self.omero.store
        ref = OmeroRef(OmeroKind.IMAGE, image_id)
        thing = store.things[ref]
        return OmeroImage(
            id=image_id,
            name=thing.name,
            owner_id=thing.owner,
            group_id=thing.group,
            parents=() if thing.parent is None else (thing.parent,),
            place=self._place(ref, thing.parent),
            can_annotate=store.may_annotate(self.user, ref),
        )

    def _place(self, image: OmeroRef, parent: OmeroRef | None) -> WellPlace | None:
        if parent is None or parent.kind is not OmeroKind.WELL:
            return None
        things = self.omero.store.things
        well = things[parent]
        assert well.parent is not None  # noqa: S101 - a well is on a plate
        assert well.place is not None  # noqa: S101 - and has a place there
        fields = [r for r, t in things.items() if t.parent == parent and r.kind is OmeroKind.IMAGE]
        return WellPlace(
            plate_id=well.parent.id,
            plate_name=things[well.parent].name,
            well_id=parent.id,
            row=well.place[0],
            column=well.place[1],
            field=fields.index(image),
        )


def _name_of(thing: Thing) -> str:
    return well_name(*thing.place) if thing.place is not None else thing.name
