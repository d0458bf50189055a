"""The form that results are put into OMERO with once more: of which run, and as what."""

from __future__ import annotations

from biomero.application.script_names import results
from biomero.entrypoints.omero_scripts.dialog import Dialog, Field, Kind

_ABOUT = (
    "Puts the results of a run of yours into OMERO once more, with other wishes: of a run that was told to "
    "keep its files on the cluster (Cleanup? off), or that waits because OMERO refused something. What the "
    "run has made in OMERO already is not made again. It goes on if this script ends."
)
SHAPES = ("Polygon", "Mask")


def results_dialog(script: str) -> Dialog:
    """Return the form; nothing is asked for it."""
    return Dialog(script=script, description=_ABOUT, fields=FIELDS)


def _flag(name: str, grouping: str, description: str, *, default: bool = False) -> Field:
    return Field(name=name, kind=Kind.BOOL, grouping=grouping, description=description, default=default)


def _text(name: str, grouping: str, description: str, default: str | None = None) -> Field:
    return Field(name=name, kind=Kind.TEXT, grouping=grouping, description=description, default=default)


def _id(name: str, grouping: str, description: str) -> Field:
    return Field(name=name, kind=Kind.LONG, grouping=grouping, description=description, minimum=1)


FIELDS = (
    _text(results.WORKFLOW_UUID, "01", "The run's id, or how it begins (eight characters), or 'last'."),
    _flag(results.OUTPUT_COMPLETED_JOB, "02", "Or find the run by a job of it.", default=True),
    _text(results.OUTPUT_SLURM_JOB_ID, "02.1", "The job's number, if no run is named above."),
    _flag(results.OUTPUT_ATTACH_PROJECT, "03", "One ZIP file with all results, at a project."),
    _id(results.OUTPUT_ATTACH_PROJECT_ID, "03.1", "The project's id."),
    _flag(results.OUTPUT_ATTACH_DATASET, "04", "One ZIP file with all results, at a dataset."),
    _id(results.OUTPUT_ATTACH_DATASET_ID, "04.1", "The dataset's id; those of the images without one."),
    _flag(results.OUTPUT_ATTACH_PLATE, "05", "One ZIP file with all results, at a plate."),
    _id(results.OUTPUT_ATTACH_PLATE_ID, "05.1", "The plate's id; those of the images without one."),
    _flag(results.OUTPUT_ATTACH_OG_IMAGES, "06", "Result images as files, at the images that they are of."),
    _flag(results.OUTPUT_ATTACH_NEW_DATASET, "07", "Result images become images, in a dataset."),
    _text(results.OUTPUT_ATTACH_NEW_DATASET_NAME, "07.1", "The name of a new dataset."),
    _flag(
        results.OUTPUT_ATTACH_NEW_DATASET_DUPLICATE,
        "07.2",
        "Make another dataset, with images of its own, also where you have one of that name.",
    ),
    _id(results.OUTPUT_ATTACH_NEW_DATASET_ID, "07.3", "Or the id of a dataset that exists."),
    _flag(results.OUTPUT_ATTACH_NEW_DATASET_RENAME, "07.4", "Name the images by the pattern below."),
    _text(
        results.OUTPUT_ATTACH_NEW_DATASET_RENAME_NAME,
        "07.41",
        "Such as {original_file}_nuclei.{ext}; places are {original_file}, {original_ext}, {file} and {ext}.",
    ),
    _flag(results.OUTPUT_ATTACH_NEW_SCREEN, "07.45", "Or, of images on plates, onto plates in a screen."),
    _text(results.OUTPUT_ATTACH_NEW_SCREEN_NAME, "07.451", "The name of a new screen."),
    _flag(
        results.OUTPUT_ATTACH_NEW_SCREEN_DUPLICATE,
        "07.452",
        "Make another screen, with plates of its own, also where you have one of that name.",
    ),
    _id(results.OUTPUT_ATTACH_NEW_SCREEN_ID, "07.453", "Or the id of a screen that exists."),
    _flag(results.OUTPUT_ATTACH_NEW_SCREEN_RENAME, "07.454", "Name the images by the pattern below."),
    _text(results.OUTPUT_ATTACH_NEW_SCREEN_RENAME_NAME, "07.455", "As for datasets."),
    _flag(results.IMPORT_LABEL_ZARRS, "07.5", "Label images become images, too.", default=True),
    _flag(results.IMPORT_ONLY_LABELS, "07.6", "Only label images become images."),
    _flag(results.OUTPUT_ATTACH_TABLE, "08", "Tables (CSV, Parquet) become OMERO.tables."),
    _flag(results.OUTPUT_ATTACH_TABLE_DATASET, "08.1", "At a dataset, instead of the images."),
    _id(results.OUTPUT_ATTACH_TABLE_DATASET_ID, "08.11", "The dataset's id."),
    _flag(results.OUTPUT_ATTACH_TABLE_PLATE, "08.2", "At a plate, instead of the images."),
    _id(results.OUTPUT_ATTACH_TABLE_PLATE_ID, "08.21", "The plate's id."),
    _flag(results.OUTPUT_ATTACH_FILE_OUTPUTS, "09", "All other files are attached."),
    _flag(results.OUTPUT_ATTACH_FILE_OUTPUTS_DATASET, "09.1", "At a dataset, instead of the images."),
    _id(results.OUTPUT_ATTACH_FILE_OUTPUTS_DATASET_ID, "09.11", "The dataset's id."),
    _flag(results.OUTPUT_ATTACH_FILE_OUTPUTS_PLATE, "09.2", "At a plate, instead of the images."),
    _id(results.OUTPUT_ATTACH_FILE_OUTPUTS_PLATE_ID, "09.21", "The plate's id."),
    _flag(results.OUTPUT_CREATE_ROIS, "10", "Each object of a label image becomes a ROI of the image."),
    _text(results.ROI_LABEL_PATTERN, "10.1", "Only label images with such file names, such as *_nuclei*."),
    Field(
        name=results.ROI_SHAPE,
        kind=Kind.TEXT,
        grouping="10.2",
        description="Outlines, or pixel by pixel.",
        default=SHAPES[0],
        values=SHAPES,
    ),
    _text(results.ROI_NAME_PREFIX, "10.3", "What they are called; the workflow's name without it."),
    _flag(results.ROI_DELETE_LABEL_IMAGES, "10.4", "Label images do not become images in the dataset."),
    _flag(
        results.ROI_CLEAR_EXISTING,
        "10.5",
        "First delete ROIs of yours on the images, of other runs or drawn, whose names have the text below.",
    ),
    _text(results.ROI_CLEAR_FILTER, "10.6", "The text; nothing is deleted without one."),
    _text(results.ROI_COLOR, "10.7", "Their colour, as #RRGGBB; each run has its own without it."),
    _flag(
        results.TEST_WRITE_PERMISSIONS_ONLY,
        "11",
        "Only say whether the results are there and you may put them there; make nothing.",
    ),
)
