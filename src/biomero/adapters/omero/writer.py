"""Results into OMERO, as one user, in one group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from biomero.adapters.omero.keyed import made_by
from biomero.adapters.omero.writer_annotations import put_map, put_original_file
from biomero.adapters.omero.writer_datasets import put_dataset
from biomero.adapters.omero.writer_files import upload
from biomero.adapters.omero.writer_images import put_image
from biomero.adapters.omero.writer_plates import put_plate, put_screen
from biomero.adapters.omero.writer_remove import remove
from biomero.adapters.omero.writer_rois import clear_rois, put_rois, rois_of
from biomero.adapters.omero.writer_session import WritingSession
from biomero.adapters.omero.writer_tables import check_columns, make_table
from biomero.adapters.omero.writer_targets import (
    named,
    projects_of,
    require_annotatable,
    require_linkable,
)
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.omero import OutputKey, Progress, RoiSettings, TableColumn
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroGroup, OmeroKind, OmeroRef, OmeroUser
from biomero.domain.omero_targets import LabelledObject, OmeroContainer, PlateSpot

TABLE_NAMESPACE = "openmicroscopy.org/omero/bulk_annotations"
"""What OMERO's clients look for when they show rows of tables beside images."""
FILE_NAMESPACE = "biomero/output"


class IceWriter:
    """See `OmeroWriter`. Two processes that write one output at once are not foreseen: runs are leased."""

    def __init__(self, session: WritingSession) -> None:
        self._session = session

    @property
    def user(self) -> OmeroUser:
        """See `OmeroWriter.user`."""
        return self._session.user

    @property
    def group(self) -> OmeroGroup:
        """See `OmeroWriter.group`."""
        return self._session.group

    def made(self, run_id: RunId) -> Mapping[str, OmeroRef]:
        """See `OmeroWriter.made`."""
        with self._session.doing("look for results"):
            return made_by(self._session, run_id)

    def remove(self, run_id: RunId) -> int:
        """See `OmeroWriter.remove`."""
        with self._session.doing("delete results"):
            return remove(self._session, run_id)

    def require_linkable(self, container: OmeroRef) -> None:
        """See `OmeroWriter.require_linkable`."""
        with self._session.doing(f"put anything into {container}"):
            require_linkable(self._session, container)

    def require_annotatable(self, targets: Iterable[OmeroRef]) -> None:
        """See `OmeroWriter.require_annotatable`."""
        with self._session.doing("attach anything"):
            require_annotatable(self._session, targets)

    def named(self, kind: OmeroKind, name: str) -> Sequence[int]:
        """See `OmeroWriter.named`."""
        with self._session.doing(f"look for {name}"):
            return named(self._session, kind, name)

    def projects_of(self, datasets: Sequence[int]) -> Sequence[OmeroContainer]:
        """See `OmeroWriter.projects_of`."""
        with self._session.doing("look for projects"):
            return projects_of(self._session, datasets)

    def put_dataset(
        self, key: OutputKey, *, name: str, description: str, projects: Sequence[int] = ()
    ) -> OmeroRef:
        """See `OmeroWriter.put_dataset`."""
        with self._session.doing(f"make the dataset {name}"):
            for project in projects:
                require_linkable(self._session, OmeroRef(OmeroKind.PROJECT, project))
            return put_dataset(self._session, key, name=name, description=description, projects=projects)

    def put_screen(self, key: OutputKey, *, name: str, description: str) -> OmeroRef:
        """See `OmeroWriter.put_screen`."""
        with self._session.doing(f"make the screen {name}"):
            return put_screen(self._session, key, name=name, description=description)

    def put_plate(
        self, key: OutputKey, *, name: str, description: str, screen: int, like: int | None = None
    ) -> OmeroRef:
        """See `OmeroWriter.put_plate`."""
        with self._session.doing(f"make the plate {name}"):
            require_linkable(self._session, OmeroRef(OmeroKind.SCREEN, screen))
            return put_plate(self._session, key, name=name, description=description, screen=screen, like=like)

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
        """See `OmeroWriter.put_image`."""
        with self._session.doing(f"make the image {name}"):
            if dataset is not None:
                require_linkable(self._session, OmeroRef(OmeroKind.DATASET, dataset))
            if on_plate is not None:
                require_linkable(self._session, OmeroRef(OmeroKind.PLATE, on_plate.plate))
            return put_image(
                self._session,
                key,
                image,
                name=name,
                description=description,
                dataset=dataset,
                on_plate=on_plate,
                progress=progress,
            )

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
        with self._session.doing(f"draw ROIs on Image:{image_id}"):
            require_annotatable(self._session, [OmeroRef(OmeroKind.IMAGE, image_id)])
            return put_rois(self._session, key, labels, image_id, settings=settings, progress=progress)

    def rois_of(self, key: OutputKey) -> Mapping[LabelledObject, int]:
        """See `OmeroWriter.rois_of`."""
        with self._session.doing("look for ROIs"):
            return rois_of(self._session, key)

    def clear_rois(self, image_id: int, *, name_contains: str, keep: RunId) -> int:
        """See `OmeroWriter.clear_rois`."""
        with self._session.doing(f"delete ROIs of Image:{image_id}"):
            return clear_rois(self._session, image_id, name_contains=name_contains, keep=keep)

    def put_table(
        self, key: OutputKey, columns: Sequence[TableColumn], *, name: str, targets: Iterable[OmeroRef]
    ) -> OmeroRef:
        """See `OmeroWriter.put_table`."""
        check_columns(columns)
        targets = list(dict.fromkeys(targets))
        make = partial(make_table, self._session, columns)
        with self._session.doing(f"make the table {name}"):
            require_annotatable(self._session, targets)
            made = put_original_file(
                self._session, key, name=name, namespace=TABLE_NAMESPACE, make_file=make, targets=targets
            )
        return OmeroRef(OmeroKind.TABLE, made)

    def put_file(
        self, key: OutputKey, path: Path, *, name: str, media_type: str, targets: Iterable[OmeroRef]
    ) -> OmeroRef:
        """See `OmeroWriter.put_file`."""
        targets = list(dict.fromkeys(targets))
        make = partial(upload, self._session, path, media_type)
        with self._session.doing(f"attach the file {name}"):
            require_annotatable(self._session, targets)
            made = put_original_file(
                self._session, key, name=name, namespace=FILE_NAMESPACE, make_file=make, targets=targets
            )
        return OmeroRef(OmeroKind.FILE, made)

    def put_map(
        self, key: OutputKey, *, namespace: str, pairs: Sequence[tuple[str, str]], targets: Iterable[OmeroRef]
    ) -> OmeroRef:
        """See `OmeroWriter.put_map`."""
        targets = list(dict.fromkeys(targets))
        with self._session.doing("attach keys and values"):
            require_annotatable(self._session, targets)
            made = put_map(self._session, key, namespace=namespace, pairs=pairs, targets=targets)
        return OmeroRef(OmeroKind.MAP, made)
