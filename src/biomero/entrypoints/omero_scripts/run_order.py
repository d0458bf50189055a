"""What was filled in, as orders for the engine: one for each workflow that was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biomero.application.script_names import CLEANUP, results, transfer, workflow, workflow_batched
from biomero.entrypoints.omero_scripts.run_dialog import BATCH_SIZE, FILE, SEPARATOR, VERSION
from biomero.errors import InputError


def orders(
    inputs: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], *, job: str, is_batched: bool
) -> list[dict[str, Any]]:
    """Return the orders.

    Parameters
    ----------
    known
        The engine's workflows, by name.
    job
        Names this execution of the script, so that asking again is no other run.

    Raises
    ------
    InputError
        If no workflow was chosen, or something that is not offered; the message names the field.
    """
    chosen = [name for name in known if inputs.get(name) is True]
    if not chosen:
        raise InputError("no workflow was chosen: tick at least one")
    common = {
        "chosen": [f"{inputs.get(transfer.DATA_TYPE)}:{number}" for number in inputs.get(transfer.IDS) or ()],
        "wishes": _wishes(inputs),
        "e_mail": inputs.get(workflow.EMAIL) is True,
        "keep": not is_batched and inputs.get(CLEANUP) is False,
        "zarr_version": inputs.get(transfer.OME_VERSION, transfer.OME_ZARR_VERSION_0_5),
        "batch_size": int(inputs.get(workflow_batched.BATCH_SIZE, BATCH_SIZE)) if is_batched else None,
    }
    return [
        {
            **common,
            "key": f"script {job}: {name}",
            "workflow": name,
            "version": str(inputs.get(f"{name}{VERSION}") or ""),
            "plates": _plates(inputs, known[name]),
            **_values(inputs, known[name]),
        }
        for name in chosen
    ]


def _plates(inputs: Mapping[str, Any], offered: Mapping[str, Any]) -> str:
    """Return how images of wells travel: whole plates, if OME-Zarr is wanted of plates and can be read."""
    are_plates = inputs.get(transfer.DATA_TYPE) in {transfer.DATA_TYPE_PLATE, transfer.DATA_TYPE_SCREEN}
    wants_zarr = inputs.get(workflow.USE_ZARR_FORMAT) is True
    return "hcs" if are_plates and wants_zarr and offered.get("takes_zarr") else "auto"


def _values(inputs: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return a workflow's parameters and attached files, by their names in its descriptor."""
    start = f"{known['name']}{SEPARATOR}"
    found = {key.removeprefix(start): value for key, value in inputs.items() if key.startswith(start)}
    files = {}
    for given in known.get("files", ()):
        ids = _ids(found.pop(f"{FILE}{given['id']}", None))
        if ids:
            files[given["id"]] = ids
        elif given["required"]:
            raise InputError(
                f"a file is missing: give the id of a file annotation at {start}{FILE}{given['id']}"
            )
    parameters = {one["id"] for one in known.get("parameters", ())}
    odd = [key for key in found if key.startswith(FILE) and key not in parameters]
    for key in odd:
        if found[key]:
            raise InputError(f"no files can be attached at {start}{key}: open the form again")
    return {"parameters": {key: value for key, value in found.items() if key not in odd}, "files": files}


def _ids(value: Any) -> list[int]:  # noqa: ANN401 - what OMERO unwraps
    """Return ids, each once; some clients send one alone."""
    several = value if isinstance(value, (list, tuple)) else [value]
    return list(dict.fromkeys(one for one in several if one is not None))


def _wishes(inputs: Mapping[str, Any]) -> dict[str, Any]:
    name, number = (
        _chosen(inputs, workflow.OUTPUT_NEW_DATASET),
        inputs.get(results.OUTPUT_ATTACH_NEW_DATASET_ID),
    )
    screen, screen_number = (
        _chosen(inputs, workflow.OUTPUT_NEW_SCREEN),
        inputs.get(results.OUTPUT_ATTACH_NEW_SCREEN_ID),
    )
    wants_rois = inputs.get(workflow.OUTPUT_CREATE_ROIS) is True
    imports = bool(name or number or screen or screen_number)
    keeps_labels = not (wants_rois and inputs.get(workflow.ROI_DELETE_LABEL_IMAGES) is True)
    return {
        "images": imports,
        "label_images": imports and keeps_labels,
        "dataset_id": number or None,
        "dataset_name": "" if number else name,
        "screen_id": screen_number or None,
        "screen_name": "" if screen_number else screen,
        "reuse_named": inputs.get(workflow.OUTPUT_DUPLICATES) is not True,
        "name_pattern": _chosen(inputs, workflow.OUTPUT_RENAME),
        "tables": inputs.get(workflow.OUTPUT_CSV_TABLE) is True,
        "files": inputs.get(workflow.OUTPUT_ATTACH_FILE_OUTPUTS) is True,
        "image_files": inputs.get(workflow.OUTPUT_ATTACH) is True,
        "archive": inputs.get(workflow.OUTPUT_PARENT) is True,
        "rois": _rois(inputs) if wants_rois else None,
    }


def _rois(inputs: Mapping[str, Any]) -> dict[str, Any]:
    clear = _chosen(inputs, workflow.ROI_CLEAR_FILTER)
    wants_clearing = inputs.get(workflow.ROI_CLEAR_EXISTING) is True
    if wants_clearing and not clear:
        raise InputError(f"{workflow.ROI_CLEAR_FILTER}: say which ROIs shall be deleted")
    return {
        "shape": str(inputs.get(workflow.ROI_SHAPE, "polygon")).lower(),
        "color": _chosen(inputs, workflow.ROI_COLOR),
        "pattern": _chosen(inputs, workflow.ROI_LABEL_PATTERN),
        "clear": clear if wants_clearing else "",
    }


def _chosen(inputs: Mapping[str, Any], key: str) -> str:
    """Return a text; empty where the user does not want it."""
    text = str(inputs.get(key) or "").strip()
    return "" if text == workflow.NO else text
