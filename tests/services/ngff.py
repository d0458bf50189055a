"""Looking into OME-Zarr folders, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorstore as ts
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage


class Write(Protocol):
    """Writes an image as OME-Zarr into the test's folder."""

    def __call__(self, image: OpenImage, name: str = ..., *, is_label: bool = ...) -> Path: ...


def levels(path: Path) -> list[NDArray[Any]]:
    """Return the pixels of every level of an OME-Zarr image."""
    return [read_array(path / dataset["path"]) for dataset in ome(path)["multiscales"][0]["datasets"]]


def read_array(path: Path) -> NDArray[Any]:
    driver = "zarr3" if (path / "zarr.json").exists() else "zarr"
    array = ts.open({"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}).result()
    return np.asarray(array.read().result())


def attributes(path: Path) -> dict[str, Any]:
    """Return all attributes of a group."""
    if (path / "zarr.json").exists():
        return dict(json.loads((path / "zarr.json").read_text())["attributes"])
    return dict(json.loads((path / ".zattrs").read_text()))


def ome(path: Path) -> dict[str, Any]:
    """Return the attributes of a group that are of OME."""
    found = attributes(path)
    return dict(found.get("ome", found))
