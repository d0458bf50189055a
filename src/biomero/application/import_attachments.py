"""What is attached of results: tables, files, and one file with everything."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from biomero.application.name_objects import archive_name
from biomero.application.omero_request import OmeroRequest
from biomero.application.other_wishes import mark_of
from biomero.application.ports.omero import OmeroWriter, OutputKey, ResultTables
from biomero.application.result_columns import with_image_ids
from biomero.application.result_names import content_of, of_round
from biomero.application.result_rois import ResultRois
from biomero.application.run_document import OutputRecord
from biomero.application.zip_results import zipped
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroImage, OmeroKind, OmeroRef
from biomero.errors import InputError

_BINARY = "application/octet-stream"
_MOST_NAMED = 3


@dataclass(slots=True, kw_only=True)
class ImportAttachments:
    """Attaches results to the images that they are of, to what those are in, or to what the user named.

    Parameters
    ----------
    path_of
        Returns where a result is on this machine.
    stems
        The names of the run's images on the cluster, by index, for tables that speak of them.
    round
        Which time it is that images of the run are tried, from 0.
    on_made
        Is told of each object: the path of its result, empty where it is of the whole run, and what it is
        attached to.
    on_problem
        Is told, in a sentence, of what is not as it was wanted.
    """

    run_id: RunId
    workflow: str
    request: OmeroRequest
    path_of: Callable[[OutputRecord], Path]
    tables: ResultTables
    writer: OmeroWriter
    rois: ResultRois
    stems: Sequence[str]
    round: int
    on_made: Callable[[str, OmeroRef, Sequence[OmeroRef]], None]
    on_problem: Callable[[str], None]

    def put_table(self, output: OutputRecord, source: OmeroImage | None) -> None:
        """Attach a result as a table; as a file, if it is none."""
        ids = dict(zip(self.stems, (image.id for image in self.request.images), strict=True))
        try:
            columns = with_image_ids(
                self.tables.read(self.path_of(output)), owner=source.id if source else None, ids=ids
            )
            columns = self.rois.with_ids(output, columns)
        except InputError as exc:
            self.on_problem(f"{output.path!r} was attached as a file, for it is no table: {exc}")
            self.put_file(output, source, at=self.request.wishes.files_at)
            return
        targets, mark = self._targets_at(self.request.wishes.tables_at, source)
        ref = self.writer.put_table(
            self._key(f"table/{content_of(output)}{mark}"),
            columns,
            name=_file_name(output),
            targets=targets,
        )
        self.on_made(output.path, ref, targets)

    def put_file(self, output: OutputRecord, source: OmeroImage | None, *, at: Sequence[str]) -> None:
        """Attach a result as it is; a folder is none that can be attached.

        Parameters
        ----------
        at
            To which objects; empty leaves it to the image.
        """
        path = self.path_of(output)
        if not path.is_file():
            self.on_problem(f"{output.path!r} was not attached: it is a folder")
            return
        targets, mark = self._targets_at(at, source)
        ref = self.writer.put_file(
            self._key(f"file/{content_of(output)}{mark}"),
            path,
            name=_file_name(output),
            media_type=mimetypes.guess_type(path.name)[0] or _BINARY,
            targets=targets,
        )
        self.on_made(output.path, ref, targets)

    def put_archive(self, outputs: Sequence[OutputRecord]) -> None:
        """Attach one file with everything; it is made only where it is not there yet.

        Parameters
        ----------
        outputs
            All that the run has now, also of earlier rounds. What went to OMERO and nowhere else then is not
            on this machine any more, and is told.
        """
        made = {output.path: self.path_of(output) for output in outputs if output.made_as is not None}
        here = {inside: path for inside, path in made.items() if path.exists()}
        name = archive_name(self.workflow, self.run_id, self.round)
        if lost := [path for path in made if path not in here]:
            self.on_problem(
                f"{name} lacks {len(lost)} of {len(made)} results, which are of earlier rounds and not on "
                f"this machine any more ({_some(lost)}); what was attached after those rounds has them"
            )
        if not here:
            return
        targets, mark = self._targets_at(self.request.wishes.archive_at, None)
        with zipped(here) as path:
            ref = self.writer.put_file(
                self._key(f"archive{of_round(self.round)}{mark}"),
                path,
                name=name,
                media_type="application/zip",
                targets=targets,
            )
        self.on_made("", ref, targets)

    def _targets_at(self, at: Sequence[str], source: OmeroImage | None) -> tuple[list[OmeroRef], str]:
        """Return what a result is attached to, and what tells it from the same result elsewhere."""
        if not at:
            return self._targets(source), ""
        return [OmeroRef.parse(text) for text in at], mark_of("\n".join(sorted(at)))

    def _targets(self, source: OmeroImage | None) -> list[OmeroRef]:
        """Return what a result is attached to."""
        if source is not None:
            return [OmeroRef(OmeroKind.IMAGE, source.id)]
        return parents_of(self.request.images)

    def _key(self, output: str) -> OutputKey:
        return OutputKey(run_id=self.run_id, output=output)


def parents_of(images: Sequence[OmeroImage]) -> list[OmeroRef]:
    """Return the datasets and plates that images are in; the images themselves where they are in none."""
    found: dict[OmeroRef, None] = {}
    for image in images:
        if image.place is not None:
            found[OmeroRef(OmeroKind.PLATE, image.place.plate_id)] = None
        found.update(dict.fromkeys(ref for ref in image.parents if ref.kind is OmeroKind.DATASET))
    return list(found) or [OmeroRef(OmeroKind.IMAGE, image.id) for image in images]


def _file_name(output: OutputRecord) -> str:
    return PurePosixPath(output.path).name


def _some(paths: Sequence[str]) -> str:
    shown = ", ".join(repr(path) for path in paths[:_MOST_NAMED])
    return shown if len(paths) <= _MOST_NAMED else f"{shown}, …"
