"""What images of results are put into: a dataset, or plates of a screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from biomero.application.name_objects import default_dataset_name, plate_name
from biomero.application.omero_request import OmeroRequest
from biomero.application.ports.omero import OmeroWriter, OutputKey
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroImage, OmeroKind, OmeroRef
from biomero.domain.omero_targets import PlateSpot

_DATASET, _SCREEN, _PLATE = "dataset", "screen", "plate"


@dataclass(slots=True, kw_only=True)
class ImportPlaces:
    """Makes what images are put into, each when the first image needs it.

    Parameters
    ----------
    known
        What the run has made already, by the names of outputs.
    mark
        Tells these from what the run has made, where its results are imported once more.
    on_made, on_problem
        Are told, once each, of everything that is the run's own, and of what is not as it was wanted.
    """

    run_id: RunId
    workflow: str
    request: OmeroRequest
    writer: OmeroWriter
    known: Mapping[str, OmeroRef]
    on_made: Callable[[OmeroRef], None]
    on_problem: Callable[[str], None]
    mark: str = ""
    _dataset: int | None = None
    _screen: int | None = None
    _plates: dict[int, int] = field(default_factory=dict)

    def dataset(self) -> int:
        """Return the dataset of the run: one that exists already, or one of its own."""
        if self._dataset is None:
            wishes = self.request.wishes
            name = wishes.dataset_name or default_dataset_name(self.workflow, self.run_id)
            self._dataset = wishes.dataset_id or self._reused(OmeroKind.DATASET, wishes.dataset_name)
            if self._dataset is None:
                made = self.writer.put_dataset(
                    self._key(_DATASET),
                    name=name,
                    description=f"results of {self.workflow}, run {self.run_id}",
                    projects=self._projects(name),
                )
                self._dataset = made.id
                self.on_made(made)
        return self._dataset

    @property
    def used(self) -> list[OmeroRef]:
        """What images have been put into, whoever made it."""
        found = [
            *([] if self._dataset is None else [OmeroRef(OmeroKind.DATASET, self._dataset)]),
            *([] if self._screen is None else [OmeroRef(OmeroKind.SCREEN, self._screen)]),
        ]
        return [*found, *(OmeroRef(OmeroKind.PLATE, plate) for plate in self._plates.values())]

    def spot(self, source: OmeroImage | None) -> PlateSpot | None:
        """Return the well for a result of an image; ``None`` where it goes into a dataset."""
        if source is None or source.place is None or not self.request.wishes.to_screen:
            return None
        place = source.place
        return PlateSpot(
            plate=self._plate(place.plate_id, place.plate_name), row=place.row, column=place.column
        )

    def _plate(self, like: int, name: str) -> int:
        if like not in self._plates:
            made = self.writer.put_plate(
                self._key(f"{_PLATE}/{like}"),
                name=plate_name(name, self.workflow),
                description=f"results of {self.workflow} on {name} (Plate:{like}); run {self.run_id}",
                screen=self._of_screen(),
                like=like,
            )
            self._plates[like] = made.id
            self.on_made(made)
        return self._plates[like]

    def _of_screen(self) -> int:
        if self._screen is None:
            wishes = self.request.wishes
            self._screen = wishes.screen_id or self._reused(OmeroKind.SCREEN, wishes.screen_name)
            if self._screen is None:
                made = self.writer.put_screen(
                    self._key(_SCREEN),
                    name=wishes.screen_name,
                    description=f"results of {self.workflow}, run {self.run_id}",
                )
                self._screen = made.id
                self.on_made(made)
        return self._screen

    def _reused(self, kind: OmeroKind, name: str) -> int | None:
        """Return what another run has made meanwhile under the name that was wanted.

        When the run was asked for there was nothing of that name, or this would not be asked.
        """
        is_made = f"{kind.value.lower()}{self.mark}" in self.known
        if not self.request.wishes.reuse_named or not name or is_made:
            return None
        found = self.writer.named(kind, name)
        if len(found) > 1:
            refs = ", ".join(str(OmeroRef(kind, number)) for number in found)
            self.on_problem(f"several are called {name!r} by now ({refs}): the results are in a new one")
        return found[0] if len(found) == 1 else None

    def _projects(self, name: str) -> Sequence[int]:
        """Return the projects of the images' datasets, and say of which ones the user may not put in."""
        refs = {ref for image in self.request.images for ref in image.parents}
        datasets = sorted(ref.id for ref in refs if ref.kind is OmeroKind.DATASET)
        found = self.writer.projects_of(datasets) if datasets else ()
        for project in found:
            if not project.can_link:
                self.on_problem(
                    f"the dataset {name!r} is not in {project.ref} ({project.name}), as the images' is: "
                    f"{self.request.user} may not put anything there"
                )
        return [project.ref.id for project in found if project.can_link]

    def _key(self, output: str) -> OutputKey:
        return OutputKey(run_id=self.run_id, output=f"{output}{self.mark}")
