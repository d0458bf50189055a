"""The scripts by which images come to a cluster and get another format there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biomero.application.script_names import conversion, results, transfer
from biomero.application.script_names import file_transfer as keys
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.omero_scripts.follow import follow
from biomero.entrypoints.omero_scripts.script import Script, run_script
from biomero.entrypoints.omero_scripts.transfer_dialogs import (
    FILE_TRANSFER,
    IMAGE_TRANSFER,
    REMOTE_CONVERSION,
    TIFF,
    ZARR,
)
from biomero.errors import InputError

_FORMATS = {transfer.FORMAT_OMEZARR: ZARR, transfer.FORMAT_OMETIFF: TIFF}
_VERSIONS = (transfer.OME_ZARR_VERSION_0_4, transfer.OME_ZARR_VERSION_0_5)
_ONLY: Mapping[str, tuple[Any, ...]] = {
    transfer.CHANNELS: (False,),
    transfer.MERGED: (False,),
    transfer.Z: (transfer.Z_ALL,),
    transfer.T: (transfer.T_ALL,),
    transfer.ZOOM: (transfer.ZOOM_100,),
    transfer.CHANNELS_NAMES: (),
    transfer.Z_IDX: (),
    transfer.Z_IDX_START: (),
    transfer.Z_IDX_END: (),
    transfer.T_IDX: (),
    transfer.T_IDX_START: (),
    transfer.T_IDX_END: (),
}
"""Images are sent whole: what else was to be chosen of them, and what it may say."""


def image_transfer() -> None:
    """Be the script that sends images."""
    run_script(lambda _: IMAGE_TRANSFER, send)


def send(script: Script, engine: Engine) -> bool:
    """Ask for the images to be sent, and follow that to its end."""
    return _followed(script, engine, engine.send_images(sending_order(script.inputs, job=script.job)))


def sending_order(inputs: Mapping[str, Any], *, job: str) -> dict[str, Any]:
    """Return the request.

    Raises
    ------
    InputError
        If something was filled in that is not offered; the message names the field.
    """
    for name, allowed in _ONLY.items():
        value = inputs.get(name)
        if value not in (None, "", *allowed):
            raise InputError(f"{name}: images are sent whole, so that {value!r} is not offered")
    wanted = inputs.get(transfer.FORMAT) or transfer.FORMAT_OMEZARR
    if wanted not in _FORMATS:
        raise InputError(f"{transfer.FORMAT}: there are {', '.join(_FORMATS)}, not {wanted!r}")
    version = inputs.get(transfer.OME_VERSION) or transfer.OME_ZARR_VERSION_0_5
    if version not in _VERSIONS:
        raise InputError(f"{transfer.OME_VERSION}: there are {', '.join(_VERSIONS)}, not {version!r}")
    folder = str(inputs.get(transfer.FOLDER) or "").strip()
    return {
        "key": f"script {job}",
        "chosen": [f"{inputs.get(transfer.DATA_TYPE)}:{number}" for number in inputs.get(transfer.IDS) or ()],
        "format": _FORMATS[wanted],
        "zarr_version": version,
        "folder": "" if folder == transfer.FOLDER_DEFAULT else folder,
    }


def remote_conversion() -> None:
    """Be the script that has images converted on the cluster."""
    run_script(lambda _: REMOTE_CONVERSION, convert)


def convert(script: Script, engine: Engine) -> bool:
    """Ask for the conversion, and follow it to its end."""
    for name, only in ((conversion.SOURCE_FORMAT, ZARR), (conversion.TARGET_FORMAT, TIFF)):
        value = script.inputs.get(name) or only
        if value != only:
            raise InputError(f"{name}: only {ZARR} can be made {TIFF}, so that {value!r} is not offered")
    if script.inputs.get(conversion.PARENT_WORKFLOW_ID):
        raise InputError(
            f"{conversion.PARENT_WORKFLOW_ID} is not offered: runs convert their images themselves"
        )
    source = str(script.inputs.get(conversion.INPUT_DATA) or "").strip()
    return _followed(script, engine, engine.convert_images({"key": f"script {script.job}", "source": source}))


def file_transfer() -> None:
    """Be the script that sends an attached file."""
    run_script(lambda _: FILE_TRANSFER, send_file)


def send_file(script: Script, engine: Engine) -> bool:
    """Ask for the file to be sent, and follow that to its end."""
    inputs = script.inputs
    formats = inputs.get(keys.FORMAT) or ""
    given = inputs.get(keys.PARAM_SLOT)
    wish = {
        "key": f"script {script.job}",
        "source": str(inputs.get(keys.FOLDER) or "").strip(),
        "annotation_id": inputs.get(keys.FILE_ANNOTATION_ID),
        "slot": "1" if given is None else str(given),
        "formats": formats.split(",") if isinstance(formats, str) else [str(one) for one in formats],
    }
    return _followed(script, engine, engine.send_file(wish))


def _followed(script: Script, engine: Engine, run: Mapping[str, Any]) -> bool:
    script.give(results.WORKFLOW_UUID_OUTPUT, str(run["id"]))
    return follow(script, engine, [run])
