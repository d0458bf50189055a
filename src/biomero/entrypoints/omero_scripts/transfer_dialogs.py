"""The forms by which images come to a cluster and get another format there."""

from __future__ import annotations

from biomero.application.script_names import (
    CONVERSION_SCRIPT,
    FILE_TRANSFER_SCRIPT,
    IMAGE_EXPORT_SCRIPT,
    conversion,
    file_transfer,
    transfer,
)
from biomero.entrypoints.omero_scripts.dialog import Dialog, Field, Kind
from biomero.entrypoints.omero_scripts.run_dialog import selection_fields

ZARR, TIFF = "zarr", "tiff"


def _text(name: str, grouping: str, description: str, default: str, *values: str) -> Field:
    return Field(
        name=name,
        kind=Kind.TEXT,
        grouping=grouping,
        description=description,
        default=default,
        values=values,
    )


def _flag(name: str, grouping: str, description: str, *, default: bool = False) -> Field:
    return Field(name=name, kind=Kind.BOOL, grouping=grouping, description=description, default=default)


_WHOLE = "Images are sent whole."
IMAGE_TRANSFER = Dialog(
    script=IMAGE_EXPORT_SCRIPT,
    description="Sends images to the cluster, where they stay in a folder for programs of yours. Running a "
    "workflow does not need it. It goes on if this script ends.",
    fields=(
        *selection_fields("Ids of what to send; all has to be in one group."),
        _flag(transfer.SETTINGS, "03", "How images are sent.", default=True),
        _flag(transfer.CHANNELS, "03.1", f"{_WHOLE} Channels one by one are not offered."),
        _flag(transfer.MERGED, "03.2", f"{_WHOLE} Pictures of merged channels are not offered."),
        _text(transfer.Z, "03.3", _WHOLE, transfer.Z_ALL, transfer.Z_ALL),
        _text(transfer.T, "03.4", _WHOLE, transfer.T_ALL, transfer.T_ALL),
        _text(transfer.ZOOM, "03.5", _WHOLE, transfer.ZOOM_100, transfer.ZOOM_100),
        _text(
            transfer.FORMAT,
            "04",
            "OME-TIFF is made on the cluster.",
            transfer.FORMAT_OMEZARR,
            transfer.FORMAT_OMEZARR,
            transfer.FORMAT_OMETIFF,
        ),
        _text(
            transfer.OME_VERSION,
            "05",
            "The version of OME-Zarr.",
            transfer.OME_ZARR_VERSION_0_5,
            transfer.OME_ZARR_VERSION_0_4,
            transfer.OME_ZARR_VERSION_0_5,
        ),
        _text(
            transfer.FOLDER,
            "06",
            "What the folder on the cluster is called; as it stands here, something is added that tells it "
            "from others.",
            transfer.FOLDER_DEFAULT,
        ),
    ),
)

FILE_TRANSFER = Dialog(
    script=FILE_TRANSFER_SCRIPT,
    description="Sends a file that is attached in OMERO to the cluster, beside images that were sent there. "
    "Running a workflow does not need it. It goes on if this script ends.",
    fields=(
        Field(
            name=file_transfer.FILE_ANNOTATION_ID,
            kind=Kind.LONG,
            grouping="01",
            description="The id of the file annotation, in the group of the images.",
            minimum=1,
            optional=False,
        ),
        Field(
            name=file_transfer.PARAM_SLOT,
            kind=Kind.INT,
            grouping="02",
            description="The file goes into p<number> in the folder of the images; another one of its name "
            "there is replaced.",
            default=1,
            minimum=0,
            maximum=999,
        ),
        Field(
            name=file_transfer.FOLDER,
            kind=Kind.TEXT,
            grouping="03",
            description="The folder that the images were sent to, or the id of the run that sent them.",
            optional=False,
        ),
        Field(
            name=file_transfer.FORMAT,
            kind=Kind.TEXT,
            grouping="04",
            description="Suffixes that the file may have, such as csv, tsv; any without them.",
        ),
    ),
)

REMOTE_CONVERSION = Dialog(
    script=CONVERSION_SCRIPT,
    description="Makes OME-TIFF of OME-Zarr images that were sent to the cluster, beside them. Running a "
    "workflow does not need it. It goes on if this script ends.",
    fields=(
        Field(
            name=conversion.INPUT_DATA,
            kind=Kind.TEXT,
            grouping="01",
            description="The folder that the images were sent to, or the id of the run that sent them.",
            optional=False,
        ),
        _text(conversion.SOURCE_FORMAT, "02", "What they are.", ZARR, ZARR),
        _text(conversion.TARGET_FORMAT, "03", "What they become.", TIFF, TIFF),
    ),
)
