"""A zip of OME-Zarr images, as the published script for exporting images makes it."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import numpy as np

from biomero.adapters.ngff import NgffWriter
from biomero.application.ports.pyramids import PyramidSettings
from biomero.testing.images import ArrayImage


def zip_of_cells(path: Path, *, images: int = 2, side: int = 96) -> Path:
    """Write images with bright squares, by the names ``cell_0.zarr``, ``cell_1.zarr``, … in the zip."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path, "w") as archive:
        for number in range(images):
            pixels = np.random.default_rng(number).integers(0, 50, (side, side), dtype=np.uint16)
            pixels[side // 4 : side // 2, side // 4 : side // 2] = 1000
            store = Path(folder) / f"cell_{number}.zarr"
            NgffWriter().write(ArrayImage(pixels), store, PyramidSettings(version="0.4"))
            for file in sorted(store.rglob("*")):
                archive.write(file, file.relative_to(folder))
    return path
