"""Group metadata of OME-Zarr 0.4: ``.zgroup`` and ``.zattrs``, the OME keys at the top."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VERSION = "0.4"


def write_group(path: Path, ome: dict[str, Any], extra: dict[str, Any]) -> None:
    """Write a group's metadata; `extra` are attributes that are not of OME."""
    path.mkdir(parents=True, exist_ok=True)
    (path / ".zgroup").write_text(json.dumps({"zarr_format": 2}))
    (path / ".zattrs").write_text(json.dumps({**_with_versions(ome), **extra}, indent=2))


def _with_versions(ome: dict[str, Any]) -> dict[str, Any]:
    # NGFF 0.4 keeps the version in each object, and lists of labels have none.
    versioned = dict(ome)
    if "multiscales" in ome:
        versioned["multiscales"] = [{**m, "version": VERSION} for m in ome["multiscales"]]
    for key in ("omero", "image-label", "plate", "well"):
        if key in ome:
            versioned[key] = {**ome[key], "version": VERSION}
    return versioned
