"""How a user makes things in an OMERO server in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.omero import OutputKey, Progress, RoiSettings, TableColumn
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroGroup, OmeroKind, OmeroRef, OmeroUser
from biomero.domain.omero_targets import LabelledObject, OmeroContainer, PlateSpot
from biomero.errors import ImageReadError
from biomero.testing.images import ArrayImage, pixels_of
from biomero.testing.omero_store import Store, Thing


class FakeWriter:
    """See `OmeroWriter`."""

    def __init__(self, store: Store, user: OmeroUser, group: OmeroGroup) -> None:
        self._store = store
        self._user = user
        self._group = group
        self._new = partial(Thing, owner=user.id, group=group.id)

    @property
    def user(self) -> OmeroUser:
        """See `OmeroWriter.user`."""
        return self._user

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
            pixels_of(image, progress),
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
        pixels = pixels_of(labels, progress)
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

    def _require(self, refs: Iterable[OmeroRef], *, to_link: bool = False) -> None:
        self._store.require(refs, self._user, self._group, to_link=to_link)


def _objects_of(pixels: NDArray[np.generic]) -> list[tuple[LabelledObject, NDArray[np.bool_]]]:
    """Return the objects of all time points and channels, with masks of axes (z, y, x)."""
    found = []
    for t, c in np.ndindex(pixels.shape[:2]):
        frame = pixels[t, c]
        at_t, at_c = (at if of > 1 else None for at, of in zip((t, c), pixels.shape, strict=False))
        found += [(LabelledObject(int(n), at_t, at_c), frame == n) for n in np.unique(frame) if n]
    return found
