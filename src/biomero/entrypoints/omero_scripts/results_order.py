"""What was filled in about results, as a request for the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biomero.application.script_names import results, workflow
from biomero.errors import InputError

_NOT_OFFERED = {
    results.ROI_TARGET_IMAGE_IDS: "ROIs go to the images that the results are of",
    results.TASK_ID: f"name the run ({results.WORKFLOW_UUID})",
    results.LOG_FALLBACK_TARGET: "logs of jobs are shown by Tail_Logs.py",
}


def results_order(inputs: Mapping[str, Any], *, job: str) -> dict[str, Any]:
    """Return the request.

    Parameters
    ----------
    job
        Names this execution of the script, so that asking again is no other import.

    Raises
    ------
    InputError
        If something was filled in that is not offered, or that does not go together; the message names the
        field.
    """
    for name, why in _NOT_OFFERED.items():
        if inputs.get(name):
            raise InputError(f"{name} is not offered: {why}")
    return {
        "key": f"script {job}",
        "run": _text(inputs, results.WORKFLOW_UUID),
        "job": None if _text(inputs, results.WORKFLOW_UUID) else _job(inputs),
        "wishes": _wishes(inputs),
        "makes_anew": _makes_anew(inputs),
        "only_check": inputs.get(results.TEST_WRITE_PERMISSIONS_ONLY) is True,
    }


def _job(inputs: Mapping[str, Any]) -> int | None:
    text = _text(inputs, results.OUTPUT_SLURM_JOB_ID)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"{results.OUTPUT_SLURM_JOB_ID}: wanted is the number of a job, not {text[:40]!r}")
    return int(text)


def _wishes(inputs: Mapping[str, Any]) -> dict[str, Any]:
    archive_at, wants_archive = _archive(inputs)
    tables_at = [
        *_named(
            inputs, results.OUTPUT_ATTACH_TABLE_DATASET, results.OUTPUT_ATTACH_TABLE_DATASET_ID, "Dataset"
        ),
        *_named(inputs, results.OUTPUT_ATTACH_TABLE_PLATE, results.OUTPUT_ATTACH_TABLE_PLATE_ID, "Plate"),
    ]
    files_at = [
        *_named(
            inputs,
            results.OUTPUT_ATTACH_FILE_OUTPUTS_DATASET,
            results.OUTPUT_ATTACH_FILE_OUTPUTS_DATASET_ID,
            "Dataset",
        ),
        *_named(
            inputs,
            results.OUTPUT_ATTACH_FILE_OUTPUTS_PLATE,
            results.OUTPUT_ATTACH_FILE_OUTPUTS_PLATE_ID,
            "Plate",
        ),
    ]
    wants_rois = inputs.get(results.OUTPUT_CREATE_ROIS) is True
    return {
        **_images(inputs, wants_rois=wants_rois),
        "tables": inputs.get(results.OUTPUT_ATTACH_TABLE) is True or bool(tables_at),
        "tables_at": tables_at,
        "files": inputs.get(results.OUTPUT_ATTACH_FILE_OUTPUTS) is True or bool(files_at),
        "files_at": files_at,
        "image_files": inputs.get(results.OUTPUT_ATTACH_OG_IMAGES) is True,
        "archive": wants_archive,
        "archive_at": archive_at,
        "rois": _rois(inputs) if wants_rois else None,
    }


def _archive(inputs: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Return to what the ZIP file is attached, and whether it is wanted at all."""
    at = _named(inputs, results.OUTPUT_ATTACH_PROJECT, results.OUTPUT_ATTACH_PROJECT_ID, "Project")
    wants = bool(at)
    for flag, number, kind in (
        (results.OUTPUT_ATTACH_DATASET, results.OUTPUT_ATTACH_DATASET_ID, "Dataset"),
        (results.OUTPUT_ATTACH_PLATE, results.OUTPUT_ATTACH_PLATE_ID, "Plate"),
    ):
        if inputs.get(flag) is not True:
            continue
        wants = True
        if inputs.get(number):
            at.append(f"{kind}:{inputs[number]}")
        elif at:
            raise InputError(f"{number}: say which {kind.lower()}")
    return at, wants


def _named(inputs: Mapping[str, Any], flag: str, number: str, kind: str) -> list[str]:
    """Return the object that was chosen, if one was."""
    if inputs.get(flag) is not True:
        return []
    if not inputs.get(number):
        raise InputError(f"{number}: say which {kind.lower()}")
    return [f"{kind}:{inputs[number]}"]


def _images(inputs: Mapping[str, Any], *, wants_rois: bool) -> dict[str, Any]:
    name, number = (
        _text(inputs, results.OUTPUT_ATTACH_NEW_DATASET_NAME),
        inputs.get(results.OUTPUT_ATTACH_NEW_DATASET_ID),
    )
    to_dataset = inputs.get(results.OUTPUT_ATTACH_NEW_DATASET) is True
    if to_dataset and not (name or number):
        raise InputError(f"{results.OUTPUT_ATTACH_NEW_DATASET_NAME}: say how the dataset shall be called")
    screen, screen_number = (
        _text(inputs, results.OUTPUT_ATTACH_NEW_SCREEN_NAME),
        inputs.get(results.OUTPUT_ATTACH_NEW_SCREEN_ID),
    )
    to_screen = inputs.get(results.OUTPUT_ATTACH_NEW_SCREEN) is True
    if to_screen and not (screen or screen_number):
        raise InputError(f"{results.OUTPUT_ATTACH_NEW_SCREEN_NAME}: say how the screen shall be called")
    imports = to_dataset or to_screen
    only_labels = inputs.get(results.IMPORT_ONLY_LABELS) is True
    drops_labels = (wants_rois and inputs.get(results.ROI_DELETE_LABEL_IMAGES) is True) or (
        inputs.get(results.IMPORT_LABEL_ZARRS) is False and not only_labels
    )
    return {
        "images": imports and not only_labels,
        "label_images": imports and not drops_labels,
        "dataset_id": (number or None) if to_dataset else None,
        "dataset_name": name if to_dataset and not number else "",
        "screen_id": (screen_number or None) if to_screen else None,
        "screen_name": screen if to_screen and not screen_number else "",
        "reuse_named": not _makes_anew(inputs),
        "name_pattern": _pattern(inputs),
    }


def _makes_anew(inputs: Mapping[str, Any]) -> bool:
    names = (results.OUTPUT_ATTACH_NEW_DATASET_DUPLICATE, results.OUTPUT_ATTACH_NEW_SCREEN_DUPLICATE)
    return any(inputs.get(name) is True for name in names)


def _pattern(inputs: Mapping[str, Any]) -> str:
    """Return how imported images are called: in a screen and in a dataset they are the same."""
    found = [
        _text(inputs, name)
        for flag, name in (
            (results.OUTPUT_ATTACH_NEW_DATASET_RENAME, results.OUTPUT_ATTACH_NEW_DATASET_RENAME_NAME),
            (results.OUTPUT_ATTACH_NEW_SCREEN_RENAME, results.OUTPUT_ATTACH_NEW_SCREEN_RENAME_NAME),
        )
        if inputs.get(flag) is True and _text(inputs, name)
    ]
    if len(set(found)) > 1:
        raise InputError(
            f"{results.OUTPUT_ATTACH_NEW_SCREEN_RENAME_NAME}: there is one pattern for all images"
        )
    return found[0] if found else ""


def _rois(inputs: Mapping[str, Any]) -> dict[str, Any]:
    clear = _text(inputs, results.ROI_CLEAR_FILTER)
    wants_clearing = inputs.get(results.ROI_CLEAR_EXISTING) is True
    if wants_clearing and not clear:
        raise InputError(f"{results.ROI_CLEAR_FILTER}: say which ROIs shall be deleted")
    return {
        "shape": (_text(inputs, results.ROI_SHAPE) or "polygon").lower(),
        "name_prefix": _text(inputs, results.ROI_NAME_PREFIX),
        "color": _text(inputs, results.ROI_COLOR),
        "pattern": _text(inputs, results.ROI_LABEL_PATTERN),
        "clear": clear if wants_clearing else "",
    }


def _text(inputs: Mapping[str, Any], key: str) -> str:
    """Return a text; empty where the user does not want it."""
    text = str(inputs.get(key) or "").strip()
    return "" if text == workflow.NO else text
