"""What a task's name says about where its run is, for runs that published scripts drive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TRANSFER = frozenset({"_slurm_image_transfer.py", "_slurm_file_transfer.py"})
_RESULTS = "slurm_get_results.py"
_IMPORT = "slurm_import_results.py"
_ROIS = "labels2rois.py"
_CONVERSION = "slurm_remote_conversion.py"
_SUPERVISOR = "slurm_run_workflow.py"
_LATE = frozenset({"IMPORTED", "POSTPROCESSING"})
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%?\s*")
_JOB_BEGINS, _JOB_SHARE = 50.0, 0.4

Phase = tuple[str, str]
"""A status, and a progress."""


def name_rank(name: str | None) -> int:
    """Return how well a task's name tells what a run is about: 2 is the workflow itself, 0 a helper."""
    lower = (name or "").lower()
    if not lower or lower in _TRANSFER | {_RESULTS, _IMPORT, _ROIS}:
        return 0
    return 1 if lower in {_CONVERSION, _SUPERVISOR} or lower.startswith("convert_") else 2


def phase_of(
    name: str,
    *,
    status: str | None = None,
    progress: str | None = None,
    before: Mapping[str, Any] | None = None,
) -> Phase | None:
    """Return a run's status and progress, from what is said of one of its tasks.

    Parameters
    ----------
    status, progress
        What is said; neither where the task began.
    before
        The run's row.

    Returns
    -------
    Phase | None
        ``None`` where nothing can be concluded.
    """
    lower = name.lower()
    if lower in _TRANSFER:
        return ("TRANSFERRING", "5%")
    if lower == _CONVERSION or lower.startswith("convert_"):
        return ("CONVERTING", "25%")
    if lower == _SUPERVISOR:
        return ("RUNNING", "50%")
    if lower == _ROIS:
        return ("POSTPROCESSING", "95%")
    if lower in {_RESULTS, _IMPORT}:
        return _retrieving(lower, status) if progress is None else None
    return _working(name, status, progress, before)


def _retrieving(lower: str, status: str | None) -> Phase:
    if status in _LATE:
        return (status or "", "95%")
    if lower == _IMPORT and status:
        return (status, "90%")
    return ("RETRIEVING", "90%")


def _working(
    name: str, status: str | None, progress: str | None, before: Mapping[str, Any] | None
) -> Phase | None:
    """Return where a run is whose workflow works: it has the middle, from 50 % to 90 %."""
    known = before if before is not None and before["task"] == name else None
    if status is not None:
        return (f"JOB_{status}", known["progress"] if known is not None else "50%")
    percent = None if progress is None else _PERCENT.fullmatch(progress)
    if percent is not None and known is not None:
        done = _JOB_BEGINS + _JOB_SHARE * min(100.0, float(percent[1]))
        return (str(known["status"]), f"{round(done, 1):g}%")
    return None
