"""Use case: put the results of a run into OMERO, each object once, on the image that it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from biomero.application.import_attachments import ImportAttachments
from biomero.application.import_places import ImportPlaces
from biomero.application.name_objects import image_name
from biomero.application.omero_request import OmeroRequest
from biomero.application.other_wishes import OtherWishes
from biomero.application.ports.image_source import ImageSource
from biomero.application.ports.omero import OmeroWriter, OutputKey, ResultTables, RoiSettings
from biomero.application.record_json import as_on_disk
from biomero.application.result_names import content_of, is_like, name_of, of_round, rois_key
from biomero.application.result_places import result_places
from biomero.application.result_rois import ResultRois, RoiIds
from biomero.application.run_document import OutputKind, OutputRecord
from biomero.application.run_provenance import Maps
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroImage, OmeroKind, OmeroRef
from biomero.errors import ImageReadError


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeObject:
    """An object that a run has in OMERO.

    Parameters
    ----------
    output
        The result that it was made of; the run itself where it was made of none.
    rois
        How many ROIs it got; 0 where it was itself made.
    """

    output: str
    ref: OmeroRef
    rois: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was made.

    Parameters
    ----------
    problems
        One sentence for each thing that is not as it was wanted; all else was made.
    places
        Where people look at it.
    """

    objects: tuple[MadeObject, ...]
    problems: tuple[str, ...]
    places: tuple[OmeroRef, ...]


@dataclass(slots=True, kw_only=True)
class ImportObjects:
    """Makes what a user wished of a run's results; doing it again makes nothing anew.

    A result belongs to the image that its delivery found out (see `ImagesByName`), by the image's id and
    never by likeness of names. A result of the whole run goes to the datasets and plates that images are in.

    Parameters
    ----------
    stems
        The names of the run's images on the cluster, by index, for tables that speak of them.
    on_output
        Is told of each result that has been dealt with.
    earlier
        Results of earlier rounds, which have been dealt with.
    round
        Which time it is that images of the run are tried, from 0. What an earlier round made stays; a result
        that has another content now, under the same name, becomes another object.
    others
        Given where the results are imported once more.
    """

    run_id: RunId
    workflow: str
    request: OmeroRequest
    results: Path
    files: ImageSource
    tables: ResultTables
    writer: OmeroWriter
    maps: Maps
    stems: Sequence[str]
    on_output: Callable[[int, int], None]
    earlier: Sequence[OutputRecord] = ()
    round: int = 0
    others: OtherWishes | None = None
    _objects: list[MadeObject] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)
    _touched: dict[OmeroRef, None] = field(default_factory=dict)
    _known: Mapping[str, OmeroRef] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    _places: ImportPlaces = field(init=False)
    _rois: ResultRois = field(init=False)
    _attachments: ImportAttachments = field(init=False)

    def run(self, outputs: Sequence[OutputRecord]) -> Imported:
        """Make everything.

        Raises
        ------
        OmeroError
            If OMERO does not answer, or refuses: do it again when that is put right.
        """
        self._known = self.writer.made(self.run_id)
        self._begun = {*self._known, *(known.rpartition("/")[0] for known in self._known)}
        self._places = ImportPlaces(
            run_id=self.run_id,
            workflow=self.workflow,
            request=self.request,
            writer=self.writer,
            known=self._known,
            mark=self._of_place,
            on_made=self._add_place,
            on_problem=self._problems.append,
        )
        self._rois = ResultRois(
            outputs=[*self.earlier, *outputs],
            stems=self.stems,
            ids=[image.id for image in self.request.images],
            ask=self._made_rois,
        )
        self._attachments = ImportAttachments(
            run_id=self.run_id,
            workflow=self.workflow,
            request=self.request,
            path_of=self._path,
            tables=self.tables,
            writer=self.writer,
            rois=self._rois,
            stems=self.stems,
            round=self.round,
            on_made=self._add,
            on_problem=self._problems.append,
        )
        for done, output in enumerate(sorted(outputs, key=self._turn)):
            self._import(output)
            self.on_output(done + 1, len(outputs))
        if self.request.wishes.archive:
            self._attachments.put_archive([*self.earlier, *outputs])
        self._describe()
        places = result_places(used=self._places.used, touched=self._touched, images=self.request.images)
        return Imported(objects=tuple(self._objects), problems=tuple(self._problems), places=places)

    def _import(self, output: OutputRecord) -> None:
        wishes = self.request.wishes
        if wishes.image_files and output.kind in {OutputKind.LABEL, OutputKind.IMAGE}:
            self._put_file(output)
        match output.kind:
            case OutputKind.LABEL:
                if wishes.rois is not None and is_like(output, wishes.rois.pattern):
                    self._put_rois(output)
                if wishes.label_images:
                    self._put_image(output)
            case OutputKind.IMAGE if wishes.images:
                self._put_image(output)
            case OutputKind.TABLE if wishes.tables:
                self._attachments.put_table(output, self._source(output))
            case OutputKind.FILE | OutputKind.TABLE if wishes.files:
                self._put_file(output)
            case OutputKind.IMAGE if wishes.files and not wishes.image_files:
                self._put_file(output)
            case OutputKind.OVERLAY if wishes.overlays:
                self._put_file(output)
            case _:
                pass

    def _put_file(self, output: OutputRecord) -> None:
        is_file = output.kind in {OutputKind.FILE, OutputKind.TABLE}
        at = self.request.wishes.files_at if is_file else ()
        self._attachments.put_file(output, self._source(output), at=at)

    def _turn(self, output: OutputRecord) -> tuple[Any, ...]:
        """Return what orders results: images, with their ROIs, before tables; on plates field by field."""
        is_image = output.kind in {OutputKind.LABEL, OutputKind.IMAGE}
        source = self._source(output)
        if not is_image or source is None or source.place is None or not self.request.wishes.to_screen:
            return (not is_image,)
        place = source.place
        return (False, place.plate_id, place.row, place.column, place.field, output.path)

    def _made_rois(self, image_id: int, label: OutputRecord) -> RoiIds:
        wish = self.request.wishes.rois
        if wish is None or not is_like(label, wish.pattern):
            return {}
        return self.writer.rois_of(self._key(self._rois_name(image_id, label)))

    def _rois_name(self, image_id: int, label: OutputRecord) -> str:
        wish = self.request.wishes.rois
        mark = self.others.rois(wish) if self.others is not None and wish is not None else ""
        return f"{rois_key(image_id, label)}{mark}"

    def _put_rois(self, output: OutputRecord) -> None:
        wish = self.request.wishes.rois
        source = self._source(output)
        if wish is None or source is None:
            self._problems.append(f"{output.path!r} gave no ROIs: it is of no single image")
            return
        name = self._rois_name(source.id, output)
        if wish.clear and name not in self._begun:
            self.writer.clear_rois(source.id, name_contains=wish.clear, keep=self.run_id)
        settings = RoiSettings(
            shape=wish.shape, name_prefix=wish.name_prefix or self.workflow, color=wish.color
        )
        try:
            with self.files.open(self._path(output)) as labels:
                count = self.writer.put_rois(self._key(name), labels, source.id, settings)
        except ImageReadError as exc:
            self._problems.append(f"{output.path!r} gave no ROIs: {exc}")
            return
        target = OmeroRef(OmeroKind.IMAGE, source.id)
        self._objects.append(MadeObject(output=output.path, ref=target, rois=count))
        self._touched[target] = None

    def _put_image(self, output: OutputRecord) -> None:
        source = self._source(output)
        name = image_name(
            self.request.wishes.name_pattern,
            output=name_of(output),
            source=source.name if source else None,
            is_label=output.kind is OutputKind.LABEL,
        )
        on_plate = self._places.spot(source)
        if on_plate is None and self.request.wishes.to_screen:
            self._problems.append(f"{output.path!r} is of no image on a plate, and is in the dataset instead")
        note = f"of {source.name} (Image:{source.id})" if source else "of no single image of the run"
        try:
            with self.files.open(self._path(output)) as image:
                ref = self.writer.put_image(
                    self._key(f"image/{content_of(output)}{self._of_place}"),
                    image,
                    name=name,
                    description=f"{self.workflow}, {note}; run {self.run_id}, result {output.path}",
                    dataset=None if on_plate else self._places.dataset(),
                    on_plate=on_plate,
                )
        except ImageReadError as exc:
            self._problems.append(f"{output.path!r} was not imported as an image: {exc}")
            return
        self._add(output.path, ref)

    def _add_place(self, made: OmeroRef) -> None:
        self._add("", made)

    def _source(self, output: OutputRecord) -> OmeroImage | None:
        return None if output.image is None else self.request.images[output.image]

    def _describe(self) -> None:
        """Say on everything that was made or got something where it comes from."""
        if not self._touched:
            return
        if self.others is not None:
            self._describe_new(self.others)
            return
        for namespace, pairs in self.maps:
            self.writer.put_map(
                self._key(f"map/{namespace}{of_round(self.round)}"),
                namespace=namespace,
                pairs=pairs,
                targets=list(self._touched),
            )

    def _describe_new(self, others: OtherWishes) -> None:
        """Say it on what the run itself has not touched, one by one: a later import may touch some of it."""
        for target in self._touched:
            for namespace, pairs in self.maps if target not in others.described else ():
                self.writer.put_map(
                    self._key(f"map/{namespace}{of_round(self.round)}~{target}"),
                    namespace=namespace,
                    pairs=pairs,
                    targets=[target],
                )

    def _add(self, output: str, ref: OmeroRef, targets: Sequence[OmeroRef] = ()) -> None:
        self._objects.append(MadeObject(output=output, ref=ref))
        self._touched.update(dict.fromkeys(targets or [ref]))

    def _key(self, output: str) -> OutputKey:
        return OutputKey(run_id=self.run_id, output=output)

    @property
    def _of_place(self) -> str:
        return "" if self.others is None else self.others.place(self.request.wishes, self._known)

    def _path(self, output: OutputRecord) -> Path:
        return self.results / as_on_disk(output.path)
