"""Make what people look at: the source image with its labels, as OME-Zarr and as a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from biomero.application.label_view import LabelView
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.pyramids import LabelWriter, PyramidSettings, PyramidWriter
from biomero.application.ports.report import ReportWriter
from biomero.application.results_folder import OVERLAYS, ZARR, ResultsFolder, fingerprint
from biomero.application.run_document import OutputKind, OutputRecord
from biomero.application.sort_output import Owner

_LABELS = "labels"
_NOT_IN_LABEL_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


class LabelShower:
    """Puts the label images of one image upon it."""

    def __init__(self, *, pyramids: PyramidWriter, labels: LabelWriter, report: ReportWriter) -> None:
        self._pyramids = pyramids
        self._labels = labels
        self._report = report

    def write_store(
        self,
        image: OpenImage,
        labels: Sequence[LabelView],
        owner: Owner,
        folder: ResultsFolder,
        settings: PyramidSettings,
    ) -> OutputRecord:
        """Write ``zarr/<stem>.ome.zarr``: the image, and its label images as OME-Zarr has them."""
        target = folder.name_for(ZARR, owner.staged_stem, ".ome.zarr")

        def write(store: Path) -> None:
            self._pyramids.write(image, store, settings)
            for name, view in _named(labels, owner.staged_stem):
                self._labels.add_label(store, name, view)

        folder.write(target, write)
        return _record(folder, target, OutputKind.ZARR, owner)

    def write_overlay(
        self, image: OpenImage, labels: Sequence[LabelView], owner: Owner, folder: ResultsFolder
    ) -> OutputRecord:
        """Write ``overlays/<stem>.png``."""
        target = folder.name_for(OVERLAYS, owner.staged_stem, ".png")
        folder.write(target, lambda path: self._report.write_overlay(image, labels, path))
        return _record(folder, target, OutputKind.OVERLAY, owner)


def _named(labels: Sequence[LabelView], staged_stem: str) -> list[tuple[str, LabelView]]:
    """Name label images by what the workflow added to their source's name."""
    named: dict[str, LabelView] = {}
    for view in labels:
        added = view.metadata.name.removeprefix(staged_stem)
        name = _NOT_IN_LABEL_NAMES.sub("_", added).strip("_-") or _LABELS
        number, free = 1, name
        while free in named:
            number += 1
            free = f"{name}-{number}"
        named[free] = view
    return list(named.items())


def _record(folder: ResultsFolder, target: str, kind: OutputKind, owner: Owner) -> OutputRecord:
    sha256, size = fingerprint(folder.path / target)
    return OutputRecord(path=target, sha256=sha256, size=size, kind=kind, image=owner.index)
