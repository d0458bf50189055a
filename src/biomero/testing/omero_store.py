"""What an OMERO server in memory holds, and how a user makes things in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.omero import OutputKey, Progress, RoiSettings, TableColumn
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroKind, OmeroRef, OmeroUser
from biomero.domain.omero_targets import LabelledObject, OmeroContainer, PlateSpot
from biomero.errors import ImageReadError, OmeroObjectError, OmeroPermissionError
from biomero.testing.images import ArrayImage

_SHARED = (GroupAccess.READ_ONLY, GroupAccess.READ_ANNOTATE, GroupAccess.READ_WRITE)
_OPEN = (GroupAccess.READ_ANNOTATE, GroupAccess.READ_WRITE)


@dataclass
class Thing:
    """An object.

    Parameters
    ----------
    also_in
        What it is in besides its parent.
    targets
        What it is linked to, for annotations; the image, for ROIs.
    content
        Bytes of a file, pairs of a map annotation, columns of a table; of a ROI its object, and a mask of its
        pixels, axes (z, y, x).
    """

    kind: OmeroKind
    owner: int
    group: int
    name: str = ""
    description: str = ""
    parent: OmeroRef | None = None
    also_in: tuple[OmeroRef, ...] = ()
    place: tuple[int, int] | None = None
    pixels: ArrayImage | None = None
    key: OutputKey | None = None
    targets: list[OmeroRef] = field(default_factory=list)
    content: Any = None


@dataclass
class Store:
    """Everything that an OMERO server holds."""

    users: dict[str, OmeroUser] = field(default_factory=dict)
    groups: dict[int, OmeroGroup] = field(default_factory=dict)
    members: set[tuple[int, int]] = field(default_factory=set)
    things: dict[OmeroRef, Thing] = field(default_factory=dict)
    last_id: int = 100

    def new_id(self) -> int:
        """Return an id that nothing has."""
        self.last_id += 1
        return self.last_id

    def add(self, thing: Thing) -> OmeroRef:
        """Keep an object."""
        ref = OmeroRef(thing.kind, self.new_id())
        self.things[ref] = thing
        return ref

    def may_read(self, user: OmeroUser, ref: OmeroRef) -> bool:
        """Whether a user sees an object."""
        thing = self.things[ref]
        is_member = (user.id, thing.group) in self.members
        return is_member and (thing.owner == user.id or self.groups[thing.group].access in _SHARED)

    def may_annotate(self, user: OmeroUser, ref: OmeroRef) -> bool:
        """Whether a user may link annotations to an object."""
        thing = self.things.get(ref)
        if thing is None or not self.may_read(user, ref):
            return False
        return thing.owner == user.id or self.groups[thing.group].access in _OPEN

    def may_change(self, user: OmeroUser, ref: OmeroRef) -> bool:
        """Whether a user may put others into a container."""
        thing = self.things[ref]
        return thing.owner == user.id or self.groups[thing.group].access is GroupAccess.READ_WRITE

    def of(self, kind: OmeroKind) -> dict[OmeroRef, Thing]:
        """Return all objects of a kind."""
        return {ref: thing for ref, thing in self.things.items() if ref.kind is kind}


class FakeWriter:
    """See `OmeroWriter`."""

    def __init__(self, store: Store, user: OmeroUser, group: OmeroGroup) -> None:
        self._store = store
        self._user = user
        self._group = group
        self._new = partial(Thing, owner=user.id, group=group.id)

    @property
    def group(self) -> OmeroGroup:
        """See `OmeroWriter.group`."""
        return self._group

    def made(self, run_id: RunId) -> Mapping[str, OmeroRef]:
        """See `OmeroWriter.made`."""
        return {
            thing.key.output: ref
            for ref, thing in self._store.things.items()
            if thing.key is not None and thing.key.run_id == run_id and self._is_ours(thing)
        }

    def remove(self, run_id: RunId) -> int:
        """See `OmeroWriter.remove`."""
        gone = [
            ref
            for ref, thing in self._store.things.items()
            if thing.key is not None and thing.key.run_id == run_id and thing.owner == self._user.id
        ]
        for ref in gone:
            del self._store.things[ref]
        lost = [r for r, t in self._store.things.items() if t.kind is OmeroKind.WELL and t.parent in gone]
        for ref in lost:
            del self._store.things[ref]
        return len(gone)

    def require_linkable(self, container: OmeroRef) -> None:
        """See `OmeroWriter.require_linkable`."""
        self._require([container], to_link=True)

    def require_annotatable(self, targets: Iterable[OmeroRef]) -> None:
        """See `OmeroWriter.require_annotatable`."""
        self._require(targets)

    def named(self, kind: OmeroKind, name: str) -> Sequence[int]:
        """See `OmeroWriter.named`."""
        return [
            ref.id
            for ref, thing in self._store.of(kind).items()
            if thing.name == name and self._is_ours(thing)
        ]

    def projects_of(self, datasets: Sequence[int]) -> Sequence[OmeroContainer]:
        """See `OmeroWriter.projects_of`."""
        things = self._store.things
        inside = [things[OmeroRef(OmeroKind.DATASET, number)] for number in datasets]
        found = {ref for thing in inside for ref in (thing.parent, *thing.also_in) if ref is not None}
        return [
            OmeroContainer(ref=ref, name=things[ref].name, can_link=self._store.may_change(self._user, ref))
            for ref in sorted(found, key=lambda ref: ref.id)
            if self._store.may_read(self._user, ref)
        ]

    def put_dataset(
        self, key: OutputKey, *, name: str, description: str, projects: Sequence[int] = ()
    ) -> OmeroRef:
        """See `OmeroWriter.put_dataset`."""
        parents = [OmeroRef(OmeroKind.PROJECT, project) for project in projects]
        self._require(parents, to_link=True)
        parent, also_in = (parents[0], tuple(parents[1:])) if parents else (None, ())
        return self._once(
            self._new(
                kind=OmeroKind.DATASET,
                key=key,
                name=name,
                description=description,
                parent=parent,
                also_in=also_in,
            )
        )

    def put_screen(self, key: OutputKey, *, name: str, description: str) -> OmeroRef:
        """See `OmeroWriter.put_screen`."""
        return self._once(self._new(kind=OmeroKind.SCREEN, key=key, name=name, description=description))

    def put_plate(
        self,
        key: OutputKey,
        *,
        name: str,
        description: str,
        screen: int,
        like: int | None = None,  # noqa: ARG002 - wells have no names here
    ) -> OmeroRef:
        """See `OmeroWriter.put_plate`."""
        parent = OmeroRef(OmeroKind.SCREEN, screen)
        self._require([parent], to_link=True)
        return self._once(
            self._new(kind=OmeroKind.PLATE, key=key, name=name, description=description, parent=parent)
        )

    def put_image(
        self,
        key: OutputKey,
        image: OpenImage,
        *,
        name: str,
        description: str,
        dataset: int | None,
        on_plate: PlateSpot | None = None,
        progress: Progress | None = None,
    ) -> OmeroRef:
        """See `OmeroWriter.put_image`; the dataset is the parent of an image that is on a plate as well."""
        parent = None if dataset is None else OmeroRef(OmeroKind.DATASET, dataset)
        plate = None if on_plate is None else OmeroRef(OmeroKind.PLATE, on_plate.plate)
        self._require([ref for ref in (parent, plate) if ref is not None], to_link=True)
        if image.metadata.dtype in {"int64", "uint64"}:
            raise ImageReadError(f"{image.metadata.name}: OMERO has no pixels of type {image.metadata.dtype}")
        copy = ArrayImage(
            _pixels_of(image, progress),
            name=name,
            scale=image.metadata.scale,
            channels=image.metadata.channels,
            is_rgb=image.metadata.is_rgb,
        )
        well = None if on_plate is None else self._well(on_plate)
        return self._once(
            self._new(
                kind=OmeroKind.IMAGE,
                key=key,
                name=name,
                description=description,
                parent=parent or well,
                also_in=() if parent is None or well is None else (well,),
                pixels=copy,
            )
        )

    def _well(self, spot: PlateSpot) -> OmeroRef:
        plate = OmeroRef(OmeroKind.PLATE, spot.plate)
        place = (spot.row, spot.column)
        for ref, thing in self._store.of(OmeroKind.WELL).items():
            if thing.parent == plate and thing.place == place:
                return ref
        return self._store.add(self._new(kind=OmeroKind.WELL, parent=plate, place=place))

    def put_rois(
        self,
        key: OutputKey,
        labels: OpenImage,
        image_id: int,
        settings: RoiSettings,
        *,
        progress: Progress | None = None,
    ) -> int:
        """See `OmeroWriter.put_rois`."""
        target = OmeroRef(OmeroKind.IMAGE, image_id)
        self._require([target])
        image = self._store.things[target].pixels
        size = labels.metadata.shape[-2:]
        if image is None or image.metadata.shape[-2:] != size:
            raise ImageReadError(f"the label image {labels.metadata.name} does not have the size of {target}")
        pixels = _pixels_of(labels, progress)
        objects = _objects_of(pixels)
        for one, mask in objects:
            self._once(
                self._new(
                    kind=OmeroKind.ROI,
                    key=OutputKey(run_id=key.run_id, output=f"{key.output}/{one}"),
                    name=f"{settings.name_prefix} {one.number}".strip(),
                    targets=[target],
                    content=(one, mask),
                )
            )
        return len(objects)

    def rois_of(self, key: OutputKey) -> Mapping[LabelledObject, int]:
        """See `OmeroWriter.rois_of`."""
        return {
            thing.content[0]: ref.id
            for ref, thing in self._store.of(OmeroKind.ROI).items()
            if thing.key is not None
            and thing.key.run_id == key.run_id
            and thing.key.output.rpartition("/")[0] == key.output
            and self._is_ours(thing)
        }

    def clear_rois(self, image_id: int, *, name_contains: str, keep: RunId) -> int:
        """See `OmeroWriter.clear_rois`."""
        target = OmeroRef(OmeroKind.IMAGE, image_id)
        gone = [
            ref
            for ref, thing in self._store.of(OmeroKind.ROI).items()
            if name_contains
            and name_contains.lower() in thing.name.lower()
            and target in thing.targets
            and thing.owner == self._user.id
            and (thing.key is None or thing.key.run_id != keep)
        ]
        for ref in gone:
            del self._store.things[ref]
        return len(gone)

    def put_table(
        self, key: OutputKey, columns: Sequence[TableColumn], *, name: str, targets: Iterable[OmeroRef]
    ) -> OmeroRef:
        """See `OmeroWriter.put_table`."""
        return self._annotate(
            self._new(kind=OmeroKind.TABLE, key=key, name=name, content=tuple(columns)), targets
        )

    def put_file(
        self, key: OutputKey, path: Path, *, name: str, media_type: str, targets: Iterable[OmeroRef]
    ) -> OmeroRef:
        """See `OmeroWriter.put_file`."""
        return self._annotate(
            self._new(
                kind=OmeroKind.FILE, key=key, name=name, description=media_type, content=path.read_bytes()
            ),
            targets,
        )

    def put_map(
        self, key: OutputKey, *, namespace: str, pairs: Sequence[tuple[str, str]], targets: Iterable[OmeroRef]
    ) -> OmeroRef:
        """See `OmeroWriter.put_map`."""
        return self._annotate(
            self._new(kind=OmeroKind.MAP, key=key, name=namespace, content=list(pairs)), targets
        )

    def _annotate(self, annotation: Thing, targets: Iterable[OmeroRef]) -> OmeroRef:
        annotation.targets = list(targets)
        self._require(annotation.targets)
        return self._once(annotation)

    def _once(self, wanted: Thing) -> OmeroRef:
        for ref, thing in self._store.things.items():
            if thing.key == wanted.key and self._is_ours(thing):
                return ref
        return self._store.add(wanted)

    def _is_ours(self, thing: Thing) -> bool:
        return thing.group == self._group.id and thing.owner == self._user.id

    def _require(self, targets: Iterable[OmeroRef], *, to_link: bool = False) -> None:
        for ref in targets:
            if ref not in self._store.things or not self._store.may_read(self._user, ref):
                raise OmeroObjectError(f"there is no {ref}, or {self._user.name} may not see it")
            if self._store.things[ref].group != self._group.id:
                raise OmeroPermissionError(f"{ref} is in another group than {self._group.name}")
            if not self._store.may_annotate(self._user, ref):
                raise OmeroPermissionError(
                    f"{self._user.name} may not annotate {ref} in the group {self._group.name}, which is "
                    f"{self._group.access.words}"
                )
            if to_link and not self._store.may_change(self._user, ref):
                raise OmeroPermissionError(f"{self._user.name} may not put anything into {ref}")


def _objects_of(pixels: NDArray[np.generic]) -> list[tuple[LabelledObject, NDArray[np.bool_]]]:
    """Return the objects of all time points and channels, with masks of axes (z, y, x)."""
    found = []
    for t, c in np.ndindex(pixels.shape[:2]):
        frame = pixels[t, c]
        at_t, at_c = (at if of > 1 else None for at, of in zip((t, c), pixels.shape, strict=False))
        found += [(LabelledObject(int(n), at_t, at_c), frame == n) for n in np.unique(frame) if n]
    return found


def _pixels_of(image: OpenImage, progress: Progress | None) -> NDArray[np.generic]:
    metadata = image.metadata
    sizes = [metadata.size(axis) for axis in "tczyx"]
    whole = np.zeros(sizes, metadata.dtype)
    planes = [(t, c, z) for t in range(sizes[0]) for c in range(sizes[1]) for z in range(sizes[2])]
    for done, (t, c, z) in enumerate(planes):
        whole[t, c, z] = image.read(t=t, c=c, z=z, y=slice(0, sizes[3]), x=slice(0, sizes[4]))
        if progress is not None:
            progress(done + 1, len(planes))
    return whole
