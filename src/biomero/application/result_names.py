"""What results are called, and what tells them from each other in OMERO."""

from __future__ import annotations

import fnmatch
from pathlib import PurePosixPath

from biomero.application.run_document import OutputRecord


def name_of(output: OutputRecord) -> str:
    """Return what a result is called: as its workflow had it, or by its place where it lay in a plate."""
    made = PurePosixPath(output.made_as or output.path)
    is_inside = any(parent.suffix == ".zarr" for parent in made.parents)
    return PurePosixPath(output.path).name if is_inside else made.name


def is_like(output: OutputRecord, pattern: str) -> bool:
    """Say whether a result's own name, or the one that the workflow gave it, is like a pattern of shells."""
    names = {PurePosixPath(path).name for path in (output.path, output.made_as) if path is not None}
    return not pattern or any(fnmatch.fnmatchcase(name, pattern) for name in names)


def content_of(output: OutputRecord) -> str:
    """Return what tells a result from others: its name, and what it holds."""
    return f"{output.path}#{output.sha256[:12]}"


def rois_key(image_id: int, label: OutputRecord) -> str:
    """Return the name of the ROIs that a label image gives an image."""
    return f"rois/{image_id}/{content_of(label)}"


def of_round(number: int) -> str:
    """Return what tells things of a later round, counted from 0, from those of the first."""
    return f"@{number + 1}" if number else ""
