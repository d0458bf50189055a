"""Put one output of a workflow where it belongs among the results."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from biomero.application.label_view import LabelView, labels_in
from biomero.application.ports.image_source import ImageSource, OpenImage
from biomero.application.ports.ome_tiff import OmeTiffWriter
from biomero.application.results_folder import FILES, IMAGES, LABELS, TABLES, ResultsFolder, fingerprint
from biomero.application.run_document import OutputKind, OutputRecord
from biomero.application.stored_outputs import Found
from biomero.domain.delivery import (
    LabelRule,
    holds_labels,
    is_label_by_convention,
    is_table,
    label_rule,
    may_be_image,
    stem_of,
)
from biomero.domain.descriptor import WorkflowDescriptor
from biomero.domain.imaging import ImageMetadata
from biomero.domain.label_metadata import is_described
from biomero.errors import ImageReadError

_SUBFOLDERS = {
    OutputKind.LABEL: LABELS,
    OutputKind.IMAGE: IMAGES,
    OutputKind.TABLE: TABLES,
    OutputKind.FILE: FILES,
}
_OME_TIFF = (".ome.tif", ".ome.tiff")
_TOO_WIDE = frozenset({"int64", "uint64"})  # OME-TIFF has no such pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The image that an output belongs to; `metadata` is ``None`` where it cannot be read any more."""

    index: int
    staged_stem: str
    metadata: ImageMetadata | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedOutput:
    """An output in its place.

    Parameters
    ----------
    labels
        The label image, still open, if it is one.
    problem
        What did not work, in one sentence; empty where everything did.
    """

    record: OutputRecord
    labels: LabelView | None = None
    problem: str = ""


class OutputSorter:
    """Tells what an output is and copies it, or writes it anew where a label image lost its metadata."""

    def __init__(
        self, *, images: ImageSource, tiffs: OmeTiffWriter, fetched: Path, descriptor: WorkflowDescriptor
    ) -> None:
        self._images = images
        self._tiffs = tiffs
        self._fetched = fetched
        self._outputs = descriptor.outputs

    def sort(
        self, found: Found, owner: Owner | None, folder: ResultsFolder, stack: ExitStack
    ) -> SortedOutput:
        """Deliver an output of the fetched folder; a label image stays open as long as `stack`."""
        name = found.name
        if is_table(name):
            return self._copied(found, owner, folder, OutputKind.TABLE)
        if not may_be_image(name):
            return self._copied(found, owner, folder, OutputKind.FILE)
        try:
            image = stack.enter_context(self._images.open(self._fetched / found.place))
            if not self._is_label(found, image.metadata, owner):
                surprise = self._surprise(found, image.metadata)
                return self._copied(found, owner, folder, OutputKind.IMAGE, surprise)
            return self._labelled(found, image, owner, folder)
        except ImageReadError as exc:
            problem = f"the output {found.place!r} cannot be read as an image, and was kept as a file: {exc}"
            return self._copied(found, owner, folder, OutputKind.FILE, problem)

    def _is_label(self, found: Found, metadata: ImageMetadata, owner: Owner | None) -> bool:
        # a store that has label images inside is an image with labels, and stays whole beside them
        if not holds_labels(metadata) or self._has_labels_inside(found):
            return False
        if found.is_label:
            return True
        rule = label_rule(found.name, self._outputs)
        if rule is not LabelRule.CONVENTION:
            return rule is LabelRule.LABEL
        if owner is None or owner.metadata is None:
            return False
        stem = stem_of(PurePosixPath(found.name).name)
        return is_label_by_convention(stem, metadata, source_stem=owner.staged_stem, source=owner.metadata)

    def _has_labels_inside(self, found: Found) -> bool:
        return (self._fetched / found.place / "labels").is_dir()

    def _surprise(self, found: Found, metadata: ImageMetadata) -> str:
        name = found.name
        is_expected = found.is_label or label_rule(name, self._outputs) is LabelRule.LABEL
        if not is_expected or holds_labels(metadata) or self._has_labels_inside(found):
            return ""
        pixels = "colours" if metadata.is_rgb else f"{metadata.dtype} pixels"
        return f"{name!r} is to be a label image, but it has {pixels}: it was kept as an image"

    def _labelled(
        self, found: Found, image: OpenImage, owner: Owner | None, folder: ResultsFolder
    ) -> SortedOutput:
        objects, smallest, largest = labels_in(image)
        path = PurePosixPath(found.name)
        view = LabelView(
            image,
            source=owner.metadata if owner else None,
            name=stem_of(path.name),
            limits=(smallest, largest),
        )
        problem = ""
        if owner and owner.metadata and owner.metadata.shape[-2:] != image.metadata.shape[-2:]:
            problem = (
                f"the label image {found.place!r} has {_size(image.metadata)} pixels, its source "
                f"{_size(owner.metadata)}: it cannot be shown upon it"
            )
        as_it_is = view.metadata.dtype in _TOO_WIDE or (
            path.name.lower().endswith(_OME_TIFF)
            and view.metadata.dtype == image.metadata.dtype
            and is_described(image.metadata, view.metadata)
        )
        if as_it_is:
            return self._copied(found, owner, folder, OutputKind.LABEL, problem, labels=view, objects=objects)
        target = folder.name_for(LABELS, str(path.with_name(stem_of(path.name))), ".ome.tif")
        folder.write(target, lambda temporary: self._tiffs.write(view, temporary))
        record = _record(folder, target, OutputKind.LABEL, owner=owner, made_as=found.place)
        return SortedOutput(record=replace(record, objects=objects), labels=view, problem=problem)

    def _copied(
        self,
        found: Found,
        owner: Owner | None,
        folder: ResultsFolder,
        kind: OutputKind,
        problem: str = "",
        *,
        labels: LabelView | None = None,
        objects: int | None = None,
    ) -> SortedOutput:
        path = PurePosixPath(found.name)
        stem = stem_of(path.name)
        target = folder.name_for(_SUBFOLDERS[kind], str(path.with_name(stem)), path.name[len(stem) :])
        folder.copy(self._fetched / found.place, target)
        record = _record(folder, target, kind, owner=owner, made_as=found.place)
        return SortedOutput(record=replace(record, objects=objects), labels=labels, problem=problem)


def _record(
    folder: ResultsFolder, target: str, kind: OutputKind, *, owner: Owner | None, made_as: str
) -> OutputRecord:
    sha256, size = fingerprint(folder.path / target)
    return OutputRecord(
        path=target,
        sha256=sha256,
        size=size,
        kind=kind,
        image=owner.index if owner else None,
        made_as=made_as,
    )


def _size(metadata: ImageMetadata) -> str:
    return f"{metadata.size('x')} x {metadata.size('y')}"
