"""Group metadata of OME-Zarr 0.5: ``zarr.json``, the OME keys under ``ome``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VERSION = "0.5"


def write_group(path: Path, ome: dict[str, Any], extra: dict[str, Any]) -> None:
    """Write a group's metadata; `extra` are attributes that are not of OME."""
    path.mkdir(parents=True, exist_ok=True)
    attributes = {"ome": {"version": VERSION, **ome}, **extra}
    document = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (path / "zarr.json").write_text(json.dumps(document, indent=2))
