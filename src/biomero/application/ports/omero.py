"""OMERO, as somebody with an account there sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from biomero.application.ports.image_source import OpenImage
from biomero.domain.ids import RunId
from biomero.domain.omero import (
    OmeroEntry,
    OmeroFile,
    OmeroGroup,
    OmeroImage,
    OmeroKind,
    OmeroRef,
    OmeroSelection,
    OmeroUser,
)
from biomero.domain.omero_targets import LabelledObject, OmeroContainer, PlateSpot

Progress = Callable[[int, int], None]
"""Is told how much is done, of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputKey:
    """What makes an object of OMERO the one that a run wanted, however often it is asked for.

    Parameters
    ----------
    output
        Names the object within the run: ``image/labels/cell_1.ome.tif``, ``rois/5/labels/cell_1.ome.tif``.
    """

    run_id: RunId
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiSettings:
    """How objects of a label image become ROIs.

    Parameters
    ----------
    shape
        ``polygon`` (outlines, one polygon for each part of an object) or ``mask``.
    name_prefix
        ROIs are called by it and the object's number: ``nuclei 17``.
    color
        Six hexadecimal digits; ``None`` gives each run its own.
    """

    shape: str = "polygon"
    name_prefix: str = ""
    color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column of a table.

    Parameters
    ----------
    kind
        ``long``, ``double``, ``string``, ``bool``, or an OMERO id: ``image``, ``roi``, ``dataset``,
        ``plate``, ``well``.
    values
        One for each row; ``None`` only in ``string`` (empty) and ``double`` (not a number).
    """

    name: str
    kind: str
    values: Sequence[int | float | str | bool | None]


class ResultTables(Protocol):
    """Reads tables that workflows wrote."""

    def read(self, path: Path) -> Sequence[TableColumn]:
        """Return the columns of a CSV, TSV or Parquet file, typed by what they hold.

        Raises
        ------
        InputError
            If it is no table: empty, ragged, of no encoding that can be told.
        """
        ...


class OmeroReader(Protocol):
    """Finds and reads images as one user, within what that user may see. One thread at a time."""

    @property
    def user(self) -> OmeroUser:
        """Who reads."""
        ...

    def select(self, chosen: Sequence[OmeroRef]) -> OmeroSelection:
        """Return the images behind objects, in whatever group of the user they are.

        Raises
        ------
        OmeroObjectError
            If an object does not exist or may not be seen; OMERO does not tell the one from the other.
        InputError
            If the objects are in more than one group, or there is no image in any of them.
        OmeroUnavailableError, OmeroSessionError
            If OMERO does not answer.
        """
        ...

    def contents(self, inside: OmeroRef | None = None) -> Sequence[OmeroEntry]:
        """Return what is in a project, dataset, screen, plate or well, by name; wells by their place.

        Without one: the user's own projects and screens, and datasets and plates that are in none.

        Raises
        ------
        OmeroObjectError
            If there is no such object, or the user may not see it.
        OmeroUnavailableError
            If OMERO does not answer.
        """
        ...

    def open(self, image_id: int) -> OpenImage:
        """Open an image at its full resolution: as original file where that is configured and readable here.

        An interrupted session is made anew while it is read; pixels are never read twice into one block.

        Raises
        ------
        OmeroObjectError
            If it does not exist any more or may not be seen.
        ImageReadError
            If it has no pixels, or its pixels cannot be read.
        OmeroUnavailableError
            If OMERO does not answer, also after waiting.
        """
        ...

    def files(self, annotation_ids: Sequence[int]) -> Sequence[OmeroFile]:
        """Tell about attached files, in the order of their file annotations.

        Raises
        ------
        OmeroObjectError
            If an annotation does not exist or may not be seen, or is no file's; all such are named.
        OmeroUnavailableError
            If OMERO does not answer.
        """
        ...

    def download(self, file: OmeroFile, path: Path, *, progress: Progress | None = None) -> None:
        """Write an attached file to a path here, piece by piece, however large it is.

        On return it is whole there: of the size that `files` told, and with OMERO's hash where it has one of
        a kind that is known here. On failure nothing new stands at the path. An interrupted session is made
        anew meanwhile, and no piece is read twice.

        Raises
        ------
        OmeroObjectError
            If the file does not exist any more, or OMERO does not let the user read it.
        TransferCorruptError
            If what came is not what `files` told.
        NoSpaceError, TransferError
            If it cannot be written here.
        OmeroUnavailableError
            If OMERO does not answer, also after waiting.
        """
        ...


class OmeroWriter(Protocol):
    """Makes objects as one user, in one group, each once.

    Every method looks for what an earlier call with the same key has made, also one that died on any line,
    and goes on from there: it returns the same object, complete. Each made object has a map annotation that
    names run and output. Objects are found by their ids and keys, never by likeness of names.

    Raises, all of them
    -------------------
    OmeroObjectError
        If a target does not exist any more.
    OmeroPermissionError
        If the user may not do that there.
    OmeroUnavailableError, OmeroSessionError
        If OMERO does not answer: do it again.
    """

    @property
    def user(self) -> OmeroUser:
        """Who makes it."""
        ...

    @property
    def group(self) -> OmeroGroup:
        """Where everything is made."""
        ...

    def made(self, run_id: RunId) -> Mapping[str, OmeroRef]:
        """Return what a run has made here, complete or not, by the names of outputs."""
        ...

    def remove(self, run_id: RunId) -> int:
        """Delete everything of the user's that a run has made here; return how many objects there were.

        Doing it again after a crash deletes the rest.
        """
        ...

    def require_linkable(self, container: OmeroRef) -> None:
        """Refuse a dataset, project, screen or plate that the user may not put anything into."""
        ...

    def require_annotatable(self, targets: Iterable[OmeroRef]) -> None:
        """Refuse objects that the user may not attach anything to."""
        ...

    def named(self, kind: OmeroKind, name: str) -> Sequence[int]:
        """Return the user's own containers of a kind that are called exactly so, the oldest first."""
        ...

    def projects_of(self, datasets: Sequence[int]) -> Sequence[OmeroContainer]:
        """Return the projects that datasets are in and that the user may see, the oldest first."""
        ...

    def put_dataset(
        self, key: OutputKey, *, name: str, description: str, projects: Sequence[int] = ()
    ) -> OmeroRef:
        """Make a dataset, in all of some projects."""
        ...

    def put_screen(self, key: OutputKey, *, name: str, description: str) -> OmeroRef:
        """Make a screen."""
        ...

    def put_plate(
        self, key: OutputKey, *, name: str, description: str, screen: int, like: int | None = None
    ) -> OmeroRef:
        """Make a plate without wells in a screen.

        Parameters
        ----------
        like
            The plate whose size, and names of rows and columns, it gets; without one, or where that is gone,
            the usual ones.
        """
        ...

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
        """Make an image with the pixels, pixel sizes, channel names, colours and windows of another.

        Parameters
        ----------
        on_plate
            The well that it becomes the next field of, once all its pixels are there.

        Raises
        ------
        ImageReadError
            If the pixels cannot be read, or OMERO has no such pixel type.
        """
        ...

    def put_rois(
        self,
        key: OutputKey,
        labels: OpenImage,
        image_id: int,
        settings: RoiSettings,
        *,
        progress: Progress | None = None,
    ) -> int:
        """Make a ROI for each object of a label image, on an image of the same (y, x); return their number.

        Raises
        ------
        ImageReadError
            If the label image cannot be read, or does not have the image's size.
        """
        ...

    def rois_of(self, key: OutputKey) -> Mapping[LabelledObject, int]:
        """Return the ids of the ROIs that `put_rois` made for a key, by the objects that they are of."""
        ...

    def clear_rois(self, image_id: int, *, name_contains: str, keep: RunId) -> int:
        """Delete ROIs of the user whose names contain a text (any case); return how many there were.

        Nothing is deleted for an empty text, and nothing that the run ``keep`` has made: it may clear again.
        """
        ...

    def put_table(
        self, key: OutputKey, columns: Sequence[TableColumn], *, name: str, targets: Iterable[OmeroRef]
    ) -> OmeroRef:
        """Make an OMERO.table and attach it to objects."""
        ...

    def put_file(
        self, key: OutputKey, path: Path, *, name: str, media_type: str, targets: Iterable[OmeroRef]
    ) -> OmeroRef:
        """Attach a file to objects."""
        ...

    def put_map(
        self, key: OutputKey, *, namespace: str, pairs: Sequence[tuple[str, str]], targets: Iterable[OmeroRef]
    ) -> OmeroRef:
        """Attach pairs of key and value to objects."""
        ...


class Omero(Protocol):
    """An OMERO server."""

    @property
    def address(self) -> str:
        """The server's host and port, for messages."""
        ...

    def reader(self, user: str) -> AbstractContextManager[OmeroReader]:
        """Read as a user: by the service account's right to act for users, or because it is our own login.

        Raises
        ------
        OmeroLoginError
            If there is no such user, or we may not act for them.
        OmeroUnavailableError
            If OMERO does not answer.
        """
        ...

    def writer(self, user: str, *, group_id: int | None) -> AbstractContextManager[OmeroWriter]:
        """Write as a user, in a group; without one in the user's default group.

        Raises
        ------
        OmeroLoginError
            As `reader`.
        OmeroPermissionError
            If the user is no member of the group.
        OmeroUnavailableError
            If OMERO does not answer.
        """
        ...

    def check_writable(self, user: str, images: Sequence[OmeroImage]) -> Sequence[str]:
        """Say what would keep results from these images, one sentence each; nothing is made for it."""
        ...
