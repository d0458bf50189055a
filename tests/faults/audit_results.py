"""Whether each image of a run has its result once, with the right pixels, and nothing half-made is left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile

from faults.audit_sources import Event
from faults.audit_terms import Accepted, Finding, finding

_LEVEL = 100
"""What the workflow of these tests takes for an object is brighter than this."""


def check_results(run: Accepted, history: Sequence[Event], end: str) -> Iterator[Finding]:
    """Compare what was delivered with what is there, and with the images themselves."""
    outputs = outputs_of(history)
    for path, sha256 in outputs.items():
        file = run.results / path
        if not file.exists():
            yield finding(run, "lost-output", f"{path} was delivered and is not there")
        elif file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            yield finding(run, "other-output", f"{path} does not hold what was delivered")
    if end == "done":
        yield from _check_labels(run, history, set(outputs))


def check_remains(run: Accepted, end: str, folders: Sequence[Path]) -> Iterator[Finding]:
    """Look for what a run that is over should have taken away.

    Parameters
    ----------
    folders
        The run's own, on the cluster and here.
    """
    if end == "done":
        for folder in folders:
            if folder.exists():
                yield finding(run, "left-over", f"{folder} is still there")
    if end != "paused" and run.results.is_dir():
        for path in run.results.rglob("*"):
            if ".part" in path.name or path.name.endswith(("~", ".tmp")):
                yield finding(run, "half-file", f"{path} was left half-written")


def outputs_of(history: Sequence[Event]) -> dict[str, str]:
    """Return what was delivered by the record: hash by path."""
    return {output["path"]: output["sha256"] for output in _delivered(history)}


def _check_labels(run: Accepted, history: Sequence[Event], outputs: set[str]) -> Iterator[Finding]:
    failed = {int(i) for e in history if e.name == "ImagesFailed" for i in e.state["failures"]}
    # batches have folders of their own
    labels = sorted(p for p in (run.results / "labels").rglob("*") if p.name.endswith((".tif", ".tiff")))
    for path in labels:
        name = path.relative_to(run.results).as_posix()
        if name not in outputs:
            yield finding(run, "doubled-output", f"{name} was delivered by nobody")
    times = [output["path"] for output in _delivered(_last_round(history))]
    for name in sorted({p for p in times if times.count(p) > 1}):
        yield finding(run, "doubled-output", f"{name} was recorded as delivered {times.count(name)} times")
    for index, image in enumerate(run.images):
        mine = [path for path in labels if path.name.partition(".")[0] == image.stem]
        yield from _check_image(run, image, mine, is_failed=index in failed)


def _check_image(run: Accepted, image: Path, mine: Sequence[Path], *, is_failed: bool) -> Iterator[Finding]:
    if image in run.bad_images:
        if mine or not is_failed:
            yield finding(run, "wrong-output", f"{image.name} is no image, and something came of it")
    elif not mine and is_failed and image in run.doubtful_images:
        return
    elif not mine:
        reason = "it failed" if is_failed else "nothing says why"
        yield finding(run, "lost-output", f"{image.name} has no result: {reason}")
    elif len(mine) > 1:
        names = ", ".join(p.name for p in mine)
        yield finding(run, "doubled-output", f"{image.name} has {len(mine)} results: {names}")
    elif not _is_right(mine[0], image):
        yield finding(run, "wrong-output", f"{mine[0].name} is not what {image.name} gives")


def _is_right(label: Path, image: Path) -> bool:
    try:
        pixels = np.squeeze(tifffile.imread(label))
        wanted = np.squeeze(tifffile.imread(image)) > _LEVEL
    except (OSError, ValueError, tifffile.TiffFileError):
        return False
    return bool(pixels.shape == wanted.shape and np.array_equal(pixels > 0, wanted))


def _delivered(history: Sequence[Event]) -> list[dict[str, str]]:
    return [output for e in history if e.name == "OutputsDelivered" for output in e.state["outputs"]]


def _last_round(history: Sequence[Event]) -> Sequence[Event]:
    """Return the events since somebody wanted another try, which lists again what stands already."""
    starts = [i for i, event in enumerate(history) if event.name == "RetryRequested"]
    return history[starts[-1] :] if starts else history
