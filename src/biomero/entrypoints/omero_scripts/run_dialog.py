"""The form that workflows are run with: what to run them on, what shall come of it, and their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from biomero.application.script_names import CLEANUP, results, transfer, workflow, workflow_batched
from biomero.entrypoints.omero_scripts.dialog import Dialog, Field, Kind, whole_number
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.errors import EngineAbsentError, EngineRefusedError

DATA_TYPES = ("Dataset", "Image", "Plate", "Screen", "Project", "Well")
BATCH_SIZE = 32
SEPARATOR = "_|_"
"""Between a workflow's name and its parameter's."""
FILE = "FILE_"
"""Before the name of an input that takes attached files."""
VERSION = "_Version"
_SHAPES = ("Polygon", "Mask")
_NOT_OFFERED = "\n\nNot offered: "


def run_dialog(engine: Engine, *, script: str, is_batched: bool) -> Dialog:
    """Return the form; where the engine does not answer it says so, and has no workflows."""
    about = "Runs one or several workflows on images, on the cluster; the run goes on if this script ends."
    try:
        offered = engine.workflows()
    except (EngineAbsentError, EngineRefusedError) as exc:
        return Dialog(script=script, description=f"{about}\n\n{exc}", fields=tuple(_common(is_batched)))
    fields = [*_common(is_batched)]
    missing = []
    for number, one in enumerate(offered):
        if one.get("error"):
            missing.append(f"{one['name']}: {one['error']}")
        else:
            fields += _workflow(one, f"{100 + number}")
    if missing:
        about += _NOT_OFFERED + "; ".join(missing)
    return Dialog(script=script, description=about, fields=tuple(fields))


def selection_fields(about: str) -> tuple[Field, Field]:
    """Return the fields by which images are chosen; clients fill them in from what is selected."""
    data_types = Field(
        name=transfer.DATA_TYPE,
        kind=Kind.TEXT,
        grouping="01",
        description="What the ids are of.",
        default=transfer.DATA_TYPE_IMAGE,
        values=DATA_TYPES,
        optional=False,
    )
    ids = Field(name=transfer.IDS, kind=Kind.IDS, grouping="02", description=about, optional=False)
    return data_types, ids


def _common(is_batched: bool) -> Sequence[Field]:  # noqa: FBT001 - a flat list of fields
    batch = Field(
        name=workflow_batched.BATCH_SIZE,
        kind=Kind.INT,
        grouping="02.1",
        description="How many images each job on the cluster gets; all are one run.",
        default=BATCH_SIZE,
        minimum=1,
    )
    cleanup = Field(
        name=CLEANUP,
        kind=Kind.BOOL,
        grouping="06",
        description="Remove the run's files from the cluster when it is done.",
        default=True,
    )
    middle = (
        Field(
            name=workflow.EMAIL,
            kind=Kind.BOOL,
            grouping="03",
            description="Have the cluster write to the address of your account when a job ends.",
            default=False,
        ),
        Field(
            name=workflow.USE_ZARR_FORMAT,
            kind=Kind.BOOL,
            grouping="04",
            description="Workflows that read OME-Zarr get it, and all others TIFF, whatever is said here; "
            "with it, those get a plate as one plate (HCS), and not well by well.",
            default=False,
        ),
        Field(
            name=transfer.OME_VERSION,
            kind=Kind.TEXT,
            grouping="05",
            description="The version of OME-Zarr that images are sent as.",
            default=transfer.OME_ZARR_VERSION_0_5,
            values=(transfer.OME_ZARR_VERSION_0_4, transfer.OME_ZARR_VERSION_0_5),
        ),
    )
    lead = (*selection_fields("Ids of what to run on."), *((batch,) if is_batched else ()))
    return (*lead, *middle, *(() if is_batched else (cleanup,)), *OUTPUTS)


def _workflow(offered: Mapping[str, Any], grouping: str) -> Sequence[Field]:
    name = offered["name"]
    versions = tuple(offered["versions"])
    head = (
        Field(
            name=name,
            kind=Kind.BOOL,
            grouping=grouping,
            description=_text(f"{offered['title']}: {offered['description']}"),
            default=False,
        ),
        Field(
            name=f"{name}{VERSION}",
            kind=Kind.TEXT,
            grouping=f"{grouping}.00",
            description=f"Version of {name}.",
            default=versions[0],
            values=versions,
        ),
    )
    own, files = offered["parameters"], offered.get("files", ())
    return (
        *head,
        *(_parameter(name, p, f"{grouping}.{n:02d}") for n, p in enumerate(own, start=1)),
        *(_file(name, f, f"{grouping}.{n:02d}") for n, f in enumerate(files, start=len(own) + 1)),
    )


def _parameter(workflow_name: str, given: Mapping[str, Any], grouping: str) -> Field:
    default, choices = given["default"], tuple(str(choice) for choice in given["choices"])
    kind = Kind.TEXT if choices else _kind(given)
    is_number = kind in {Kind.INT, Kind.LONG, Kind.FLOAT}
    if default is not None:
        match kind:
            case Kind.TEXT:
                default = str(default)
            case Kind.FLOAT:
                default = float(default)
            case _:
                pass
    note = "" if given["optional"] or default is not None else " Must be given."
    return Field(
        name=f"{workflow_name}{SEPARATOR}{given['id']}",
        kind=kind,
        grouping=grouping,
        description=_text(given["description"] or given["name"]) + note,
        default=default,
        values=choices,
        minimum=given["minimum"] if is_number else None,
        maximum=given["maximum"] if is_number else None,
    )


def _file(workflow_name: str, given: Mapping[str, Any], grouping: str) -> Field:
    formats = f" ({', '.join(given['formats'])})" if given["formats"] else ""
    what = f"Ids of file annotations{formats}." if given["several"] else f"Id of a file annotation{formats}."
    note = " Must be given." if given["required"] else ""
    about = _text(given["description"] or given["name"]).rstrip(".")
    return Field(
        name=f"{workflow_name}{SEPARATOR}{FILE}{given['id']}",
        kind=Kind.IDS,
        grouping=grouping,
        description=f"{about}. {what}{note}",
    )


def _kind(given: Mapping[str, Any]) -> Kind:
    default = given["default"]
    match given["type"]:
        case "boolean":
            return Kind.BOOL
        case "integer":
            return whole_number(default, given["minimum"], given["maximum"])
        case "float":
            return Kind.FLOAT
        case "number" if isinstance(default, float):
            return Kind.FLOAT
        case "number" if isinstance(default, int):
            return whole_number(default, given["minimum"], given["maximum"])
        case _:
            return Kind.TEXT


def _text(value: str) -> str:
    return " ".join(value.split())


def _output(name: str, kind: Kind, grouping: str, description: str, **more: Any) -> Field:  # noqa: ANN401 - as `Field`
    return Field(name=name, kind=kind, grouping=grouping, description=description, **more)


OUTPUTS = (
    _output(
        workflow.SELECT_IMPORT,
        Kind.BOOL,
        "07",
        "Choose at least one. Everything is made in the group of the images, as you.",
        default=True,
    ),
    _output(
        workflow.OUTPUT_PARENT,
        Kind.BOOL,
        "07.1",
        "One ZIP file with all results, at the dataset or plate.",
        default=False,
    ),
    _output(
        workflow.OUTPUT_ATTACH,
        Kind.BOOL,
        "07.2",
        "Result images as files, at the images that they are of.",
        default=False,
    ),
    _output(
        workflow.OUTPUT_NEW_DATASET,
        Kind.TEXT,
        "07.3",
        "Result images become images, in a dataset of this name; a new one, unless you have one of that name "
        "in the group of the images (see 3b).",
        default=workflow.NO,
    ),
    _output(
        results.OUTPUT_ATTACH_NEW_DATASET_ID,
        Kind.LONG,
        "07.31",
        "Or in this dataset, which exists.",
        minimum=1,
    ),
    _output(
        workflow.OUTPUT_NEW_SCREEN,
        Kind.TEXT,
        "07.311",
        "Result images of plates become plates, in a screen of this name; all others go into the dataset.",
        default=workflow.NO,
    ),
    _output(
        results.OUTPUT_ATTACH_NEW_SCREEN_ID,
        Kind.LONG,
        "07.312",
        "Or in this screen, which exists.",
        minimum=1,
    ),
    _output(
        workflow.OUTPUT_DUPLICATES,
        Kind.BOOL,
        "07.313",
        "A dataset or screen of the name is made anew, even if you have one of that name already.",
        default=False,
    ),
    _output(
        workflow.OUTPUT_RENAME,
        Kind.TEXT,
        "07.32",
        "Their names, such as {original_file}_nuclei.{ext}; places are {original_file}, {original_ext}, "
        "{file} and {ext}.",
        default=workflow.NO,
    ),
    _output(
        workflow.OUTPUT_CSV_TABLE,
        Kind.BOOL,
        "07.4",
        "Tables (CSV, Parquet) become OMERO.tables, at the images, dataset or plate.",
        default=True,
    ),
    _output(
        workflow.OUTPUT_ATTACH_FILE_OUTPUTS,
        Kind.BOOL,
        "07.5",
        "All other files, at the images that they are of.",
        default=False,
    ),
    _output(
        workflow.OUTPUT_CREATE_ROIS,
        Kind.BOOL,
        "07.6",
        "Each object of a label image becomes a ROI of the image.",
        default=True,
    ),
    _output(
        workflow.ROI_LABEL_PATTERN,
        Kind.TEXT,
        "07.61",
        "Only label images with such file names, such as *_nuclei*; all without it.",
    ),
    _output(
        workflow.ROI_SHAPE,
        Kind.TEXT,
        "07.62",
        "Outlines, or pixel by pixel.",
        default=_SHAPES[0],
        values=_SHAPES,
    ),
    _output(
        workflow.ROI_DELETE_LABEL_IMAGES,
        Kind.BOOL,
        "07.63",
        "Label images are not kept as images in the dataset.",
        default=False,
    ),
    _output(
        workflow.ROI_CLEAR_EXISTING,
        Kind.BOOL,
        "07.64",
        "First delete ROIs of yours on the images, those whose names have the text below.",
        default=False,
    ),
    _output(
        workflow.ROI_CLEAR_FILTER,
        Kind.TEXT,
        "07.65",
        "The text; nothing is deleted without one.",
    ),
    _output(
        workflow.ROI_COLOR,
        Kind.TEXT,
        "07.66",
        "Their colour, as #RRGGBB; each run has its own without it.",
    ),
)
"""What shall come of the results."""
