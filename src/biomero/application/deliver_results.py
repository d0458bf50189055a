"""Turn the outputs of a workflow, as they were fetched, into the results that a user finds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from biomero.application.label_view import LabelView
from biomero.application.ports.image_source import ImageSource, OpenImage
from biomero.application.ports.ome_tiff import OmeTiffWriter
from biomero.application.ports.pyramids import LabelWriter, PyramidSettings, PyramidWriter
from biomero.application.ports.report import ReportWriter
from biomero.application.ports.stores import StoreContents
from biomero.application.results_folder import ResultsFolder, claim_results_folder
from biomero.application.run_document import OutputRecord
from biomero.application.show_labels import LabelShower
from biomero.application.sort_output import OutputSorter, Owner
from biomero.application.stored_outputs import Found, StoredOutputs
from biomero.domain.descriptor import WorkflowDescriptor
from biomero.domain.ids import RunId
from biomero.domain.name_beginnings import ImagesByName
from biomero.errors import ImageReadError, OmeroObjectError


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceImage:
    """An image of the run: its index, its file name's stem on the cluster, and where it is read from.

    Parameters
    ----------
    staged_name
        Its folder on the cluster where that is in a plate: ``P.ome.zarr/A/1/0``.
    """

    index: int
    staged_stem: str
    source: Path
    series: int = 0
    staged_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """What to make beside what the workflow made: OME-Zarr with labels, pictures with outlines."""

    zarr: bool = True
    pyramids: PyramidSettings = field(default_factory=PyramidSettings)
    overlays: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was delivered.

    Parameters
    ----------
    objects
        For each image that has label images: the number of objects in the first of them, by name.
    problems
        One sentence for each thing that did not work; everything else was delivered.
    """

    outputs: tuple[OutputRecord, ...]
    objects: Mapping[int, int]
    problems: tuple[str, ...]


class DeliverResults:
    """Delivers outputs into a results folder; ``docs/explanation/results.md`` has the rules."""

    def __init__(
        self,
        *,
        images: ImageSource,
        pyramids: PyramidWriter,
        labels: LabelWriter,
        tiffs: OmeTiffWriter,
        report: ReportWriter,
        stores: StoreContents,
    ) -> None:
        self._images = images
        self._stores = stores
        self._tiffs = tiffs
        self._shower = LabelShower(pyramids=pyramids, labels=labels, report=report)

    def deliver(
        self,
        *,
        run_id: RunId,
        fetched: Path,
        descriptor: WorkflowDescriptor,
        images: Sequence[SourceImage],
        results: Path,
        settings: DeliverySettings | None = None,
        on_image: Callable[[int], None] | None = None,
        kept: Collection[str] = (),
        earlier: Collection[str] = (),
        sources: ImageSource | None = None,
    ) -> Delivery:
        """Deliver everything in `fetched`, which is only read.

        Doing it again gives the same folder; dying in between leaves whole files only. An output that
        cannot be read is delivered as the file that it is, and named among the problems.

        Parameters
        ----------
        fetched
            The outputs under the names that the workflow gave them.
        images
            Every image of the run, those that failed as well: the outputs of one that were left out could
            pass for those of another, whose name is the beginning of its own.
        on_image
            Called with the index of each image whose outputs have been delivered.
        kept
            Results of an earlier delivery of this run, by their names, which are left as they are.
        earlier
            The names that the workflow gave those.
        sources
            Opens the images of the run, where they are no files.

        Raises
        ------
        InputError
            If the results folder belongs to another run.
        ImageWriteError, OSError
            If something cannot be written: no space, no permission. Do it again when that is solved.
        """
        claim_results_folder(results, run_id)
        by_name = ImagesByName({image.index: image.staged_stem for image in images})
        stored = StoredOutputs(
            self._stores, {i.index: (i.staged_stem, i.staged_name) for i in images if i.staged_name}
        )
        owned: dict[int | None, list[Found]] = {}
        rivals: dict[str, tuple[str, str]] = {}
        names = list(_outputs_in(fetched))
        there = {*names, *earlier}
        for name in names:
            fields = stored.split(fetched, name)
            if pair := (stored.by_name if fields else by_name).rivals_of(name, beside=there):
                rivals[name] = pair
            for index, found in fields or [(by_name.owner_of(name), Found(name, name))]:
                owned.setdefault(index, []).extend([found, *stored.labels_in(fetched, found)])
        sorter = OutputSorter(images=self._images, tiffs=self._tiffs, fetched=fetched, descriptor=descriptor)
        with ResultsFolder(results, kept=kept) as folder:
            basket = _Basket(sorter=sorter, folder=folder, problems=_doubts(rivals))
            with ExitStack() as stack:
                basket.sort_all(owned.get(None, []), None, stack)
            for image in images:
                self._deliver_image(
                    image,
                    owned.get(image.index, []),
                    basket,
                    settings or DeliverySettings(),
                    sources or self._images,
                )
                if on_image:
                    on_image(image.index)
        return basket.delivery()

    def _deliver_image(
        self,
        image: SourceImage,
        names: Sequence[Found],
        basket: _Basket,
        settings: DeliverySettings,
        sources: ImageSource,
    ) -> None:
        if not names:
            return
        with ExitStack() as stack:
            source = _open(image, sources, basket, stack)
            owner = Owner(
                index=image.index,
                staged_stem=image.staged_stem,
                metadata=source.metadata if source else None,
            )
            views = basket.sort_all(names, owner, stack)
            if source is None:
                return
            shape = source.metadata.shape[-2:]
            fitting = [view for view in views if view.metadata.shape[-2:] == shape]
            try:
                if settings.zarr and fitting:
                    basket.outputs.append(
                        self._shower.write_store(source, fitting, owner, basket.folder, settings.pyramids)
                    )
                if settings.overlays:
                    basket.outputs.append(self._shower.write_overlay(source, fitting, owner, basket.folder))
            except ImageReadError as exc:
                basket.problems.append(f"{str(image.source)!r} cannot be shown with its labels: {exc}")


def _open(image: SourceImage, sources: ImageSource, basket: _Basket, stack: ExitStack) -> OpenImage | None:
    try:
        return stack.enter_context(sources.open(image.source, index=image.series))
    except (ImageReadError, OmeroObjectError) as exc:
        basket.problems.append(
            f"{str(image.source)!r} cannot be read any more, so that its results lack its "
            f"pixel size and overlay: {exc}"
        )
        return None


@dataclass(slots=True, kw_only=True)
class _Basket:
    """What has been delivered so far."""

    sorter: OutputSorter
    folder: ResultsFolder
    outputs: list[OutputRecord] = field(default_factory=list)
    objects: dict[int, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def sort_all(self, names: Sequence[Found], owner: Owner | None, stack: ExitStack) -> list[LabelView]:
        """Deliver outputs and return the label images among them."""
        views = []
        for found in names:
            output = self.sorter.sort(found, owner, self.folder, stack)
            self.outputs.append(output.record)
            if output.problem:
                self.problems.append(output.problem)
            if output.labels is not None:
                views.append(output.labels)
            if owner is not None and output.record.objects is not None:
                self.objects.setdefault(owner.index, output.record.objects)
        return views

    def delivery(self) -> Delivery:
        """Return all of it, in the order of names."""
        return Delivery(
            outputs=tuple(sorted(self.outputs, key=lambda output: output.path)),
            objects=self.objects,
            problems=tuple(self.problems),
        )


def _doubts(rivals: Mapping[str, tuple[str, str]]) -> list[str]:
    """Say, in one sentence for each pair of images, that outputs may be of the other one."""
    of_pairs: dict[tuple[str, str], list[str]] = {}
    for name, pair in rivals.items():
        of_pairs.setdefault(pair, []).append(name)
    return [
        f"{_and_more(names)} may be of {other} as well, by the name, and went to {owner}: to be certain, "
        "name the images so that no name begins another's"
        for (owner, other), names in of_pairs.items()
    ]


def _and_more(names: Sequence[str]) -> str:
    return repr(names[0]) if len(names) == 1 else f"{names[0]!r} and {len(names) - 1} more"


def _outputs_in(folder: Path, prefix: str = "") -> Iterator[str]:
    """Yield outputs by name, sorted: regular files, and OME-Zarr folders as one. Links are left out."""
    for entry in sorted(folder.iterdir()):
        name = f"{prefix}{entry.name}"
        if entry.is_symlink():
            continue
        if entry.is_dir() and not name.lower().endswith(".zarr"):
            yield from _outputs_in(entry, f"{name}/")
        elif entry.is_dir() or entry.is_file():
            yield name
