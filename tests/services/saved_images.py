"""Fakes of what reads and writes images, for the tests of results."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.ports.transfer import Progress
from biomero.application.run_document import RunDocument
from biomero.domain.imaging import Quantity
from biomero.errors import ImageReadError
from biomero.testing.images import ArrayImage

MICRONS = {"y": Quantity(value=0.25, unit="micrometer"), "x": Quantity(value=0.25, unit="micrometer")}


def pixels_of(image: OpenImage) -> NDArray[Any]:
    """Return all pixels, with axes t, c, z, y, x."""
    m = image.metadata
    planes = [
        image.read(t=t, c=c, z=z, y=slice(0, m.size("y")), x=slice(0, m.size("x")))
        for t in range(m.size("t"))
        for c in range(m.size("c"))
        for z in range(m.size("z"))
    ]
    return np.stack(planes).reshape([m.size(axis) for axis in "tczyx"])


def save(path: Path, image: ArrayImage) -> None:
    """Write an image as `SavedImages` reads it, under any name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zarr":
        path.mkdir()
        path /= "pixels"
    m = image.metadata
    said = {"axes": m.axes, "is_rgb": m.is_rgb, "scale": {a: (q.value, q.unit) for a, q in m.scale.items()}}
    with path.open("wb") as file:
        np.savez(file, pixels=image.pixels, said=np.array(json.dumps(said)))


class SavedImages:
    """Reads what `save` has written; see `ImageSource`."""

    def images_in(self, path: Path) -> int:
        self.open(path).__exit__(None, None, None)
        return 1

    def open(self, path: Path, *, index: int = 0) -> OpenImage:
        file = path / "pixels" if path.is_dir() else path
        try:
            with np.load(file) as saved:
                said = json.loads(str(saved["said"]))
                return ArrayImage(
                    saved["pixels"],
                    axes=said["axes"],
                    is_rgb=said["is_rgb"],
                    scale={a: Quantity(value=v, unit=u) for a, (v, u) in said["scale"].items()},
                    name=f"{path.stem}:{index}",
                )
        except (OSError, ValueError, zipfile.BadZipFile) as exc:
            raise ImageReadError(f"{path} is no image") from exc


class SavedPyramids:
    """Writes stores that `SavedImages` reads; see `PyramidWriter` and `LabelWriter`."""

    def write(
        self, image: OpenImage, path: Path, settings: PyramidSettings, *, progress: Progress | None = None
    ) -> None:
        path.mkdir()
        (path / "version").write_text(settings.version)
        self._save(image, path / "pixels")
        if progress:
            progress(1)

    def add_label(
        self, store: Path, name: str, labels: OpenImage, *, progress: Progress | None = None
    ) -> None:
        folder = store / "labels" / name
        folder.mkdir(parents=True)
        self._save(labels, folder / "pixels")
        if progress:
            progress(1)

    def _save(self, image: OpenImage, path: Path) -> None:
        m = image.metadata
        save(path, ArrayImage(pixels_of(image).reshape(m.shape), axes=m.axes, scale=m.scale))


class PlainReport:
    """Writes down what it was asked for; see `ReportWriter`."""

    def write_overlay(self, image: OpenImage, labels: Sequence[OpenImage], path: Path) -> None:
        path.write_text(f"{image.metadata.name} with {[label.metadata.name for label in labels]}")

    def write_page(self, document: RunDocument, results: Path, path: Path) -> None:
        path.write_text(f"{document.status.value} in {results.name}")
