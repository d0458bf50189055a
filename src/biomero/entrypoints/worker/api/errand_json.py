"""Requests for errands, as JSON has them."""

from __future__ import annotations

from dataclasses import dataclass

from biomero.application.choose_omero_images import OmeroOrder
from biomero.application.omero_request import OmeroWishes
from biomero.application.send_file import FileOrder
from biomero.application.send_images import SendOrder
from biomero.domain.omero import OmeroUser
from biomero.entrypoints.worker.api.fields import Fields
from biomero.entrypoints.worker.api.order_json import (
    ZARR_VERSIONS,
    read_objects,
    read_wishes,
    read_zarr_version,
)
from biomero.errors import InputError

_FORMATS = ("zarr", "tiff")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedImport:
    """Which results shall go to OMERO once more, and as what.

    Parameters
    ----------
    run
        The run, as the user named it: its id, how it begins, or ``last``; empty where a job is named.
    job
        The number of a job of it, if that is how it was named.
    only_check
        Nothing shall be made: the user wants to know whether they may.
    """

    key: str
    run: str
    job: int | None
    wishes: OmeroWishes
    makes_anew: bool
    only_check: bool


def read_import(body: object) -> AskedImport:
    """Read a request for an import.

    Raises
    ------
    InputError, ParameterError
        If a field is not as it should be.
    """
    fields = Fields(body, "the request")
    asked = AskedImport(
        key=fields.text("key"),
        run=fields.text("run"),
        job=fields.number("job"),
        wishes=read_wishes(fields.part("wishes")),
        makes_anew=fields.flag("makes_anew"),
        only_check=fields.flag("only_check"),
    )
    fields.end()
    if not asked.key:
        raise InputError("the request has no key")
    if not asked.run and asked.job is None:
        raise InputError("nobody said which run: name it (workflow_uuid), or a job of it (SLURM Job Id)")
    return asked


def read_sending(body: object, user: OmeroUser) -> tuple[str, SendOrder]:
    """Read a request for images on the cluster, and the key that makes it the same as another.

    Raises
    ------
    InputError
        If a field is not as it should be.
    """
    fields = Fields(body, "the request")
    key, chosen = fields.text("key"), fields.texts("chosen")
    order = SendOrder(
        omero=OmeroOrder(user=user.name, chosen=read_objects(chosen)),
        as_tiff=fields.one_of("format", _FORMATS, otherwise="zarr") == "tiff",
        zarr_version=read_zarr_version(fields.one_of("zarr_version", ZARR_VERSIONS, otherwise="0.5")),
        folder=fields.text("folder"),
        requested_by=user.name,
    )
    fields.end()
    if not key:
        raise InputError("the request has no key")
    return key, order


def read_conversion(body: object) -> tuple[str, str]:
    """Read a request for a conversion of images that were sent: its key, and which images.

    Raises
    ------
    InputError
        If a field is not as it should be.
    """
    fields = Fields(body, "the request")
    key, source = fields.text("key"), fields.text("source")
    fields.end()
    if not key:
        raise InputError("the request has no key")
    if not source:
        raise InputError("nobody said which images: name their folder (Input data)")
    return key, source


def read_file_sending(body: object) -> tuple[str, str, FileOrder]:
    """Read a request for a file beside images that were sent: its key, which images, and the file.

    Raises
    ------
    InputError
        If a field is not as it should be.
    """
    fields = Fields(body, "the request")
    key, source, number = fields.text("key"), fields.text("source"), fields.number("annotation_id")
    order = FileOrder(
        annotation_id=number or 0,
        slot=fields.text("slot"),
        formats=[text.strip().lstrip(".") for text in fields.texts("formats") if text.strip()],
    )
    fields.end()
    if not key:
        raise InputError("the request has no key")
    if not source:
        raise InputError("nobody said beside which images: name their folder (Folder_Name)")
    if number is None:
        raise InputError("nobody said which file: give the id of its annotation (Annotation_ID)")
    return key, source, order
