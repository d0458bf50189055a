"""An order, as JSON has it: every field is looked at, and a wrong one is named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from biomero.application.choose_omero_images import OmeroOrder
from biomero.application.name_objects import check_pattern
from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.application.place_on_plates import Plates
from biomero.application.submit_run import Order
from biomero.domain.job import JobResources
from biomero.domain.omero import LARGEST_ID, OmeroRef, OmeroUser
from biomero.entrypoints.worker.api.fields import Fields
from biomero.errors import InputError, ParameterError

_MOST_OBJECTS = 10_000
_MOST_FILES = 1000
_COLOR = re.compile(r"#?([0-9A-Fa-f]{6})")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_SHAPES = ("polygon", "mask")
ZARR_VERSIONS = ("0.4", "0.5")
_PLATES = ("auto", "fields", "hcs")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOrder:
    """An order, and what else was said with it.

    Parameters
    ----------
    key
        Two orders of a user with the same key are one.
    version
        Which version of the workflow the user saw; empty for any.
    """

    key: str
    order: Order
    version: str = ""


def read_order(body: object, user: OmeroUser) -> AskedOrder:
    """Read an order of somebody.

    Raises
    ------
    InputError, ParameterError
        If a field is not as it should be.
    """
    fields = Fields(body, "the order")
    key, workflow = fields.text("key"), fields.text("workflow")
    for name, value in (("key", key), ("workflow", workflow)):
        if not value:
            raise InputError(f"the order has no {name}")
    if "/" in workflow or "\0" in workflow:
        raise InputError(f"{workflow!r} is no name of a workflow")
    chosen, files = fields.texts("chosen"), _files(fields.take("files", {}))
    zarr_version = fields.one_of("zarr_version", ZARR_VERSIONS, otherwise="0.5")
    plates = fields.one_of("plates", _PLATES, otherwise=_PLATES[0])
    asked = AskedOrder(
        key=key,
        version=fields.text("version"),
        order=Order(
            workflow=workflow,
            omero=OmeroOrder(
                user=user.name,
                chosen=read_objects(chosen),
                wishes=read_wishes(fields.part("wishes")),
                files=files,
            ),
            parameters=_parameters(fields.take("parameters", {})),
            batch_size=fields.number("batch_size"),
            zarr_version=read_zarr_version(zarr_version),
            plates=_plates(plates),
            keep=fields.flag("keep"),
            resources=_resources(user, wants_mail=fields.flag("e_mail")),
            requested_by=user.name,
        ),
    )
    fields.end()
    return asked


def _plates(text: str) -> Plates:
    return "hcs" if text == "hcs" else "fields" if text == "fields" else "auto"


def read_zarr_version(text: str) -> Literal["0.4", "0.5"]:
    """Return one of `ZARR_VERSIONS` as what it is."""
    return "0.4" if text == "0.4" else "0.5"


def read_objects(texts: list[str]) -> tuple[OmeroRef, ...]:
    """Return what was chosen in OMERO, each once; raises `InputError` where that is nothing or too much."""
    if not texts:
        raise InputError("nothing was chosen in OMERO (IDs)")
    if len(texts) > _MOST_OBJECTS:
        raise InputError(f"{len(texts)} objects were chosen; choose the datasets or plates that they are in")
    try:
        return tuple(dict.fromkeys(OmeroRef.parse(text) for text in texts))
    except ValueError as exc:
        raise InputError(str(exc)) from exc


def _files(given: object) -> dict[str, tuple[int, ...]]:
    """Read the ids of file annotations, by the input that they are for."""
    if not isinstance(given, dict):
        raise InputError("files: wanted are inputs with lists of ids")
    files = {}
    for name, ids in given.items():
        if not isinstance(ids, list) or not ids or not all(map(_is_id, ids)):
            raise InputError(f"files: '{name}': wanted is a list of ids of file annotations")
        if len(ids) > _MOST_FILES:
            raise InputError(f"files: '{name}': {len(ids)} files are too many; {_MOST_FILES} may be attached")
        files[name] = tuple(dict.fromkeys(ids))
    return files


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID


def _parameters(given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ParameterError("parameters: wanted are names with values")
    for name, value in given.items():
        if not isinstance(value, (bool, int, float, str)):
            raise ParameterError(f"parameter '{name}': a list or nothing is no value")
    return given


def _resources(user: OmeroUser, *, wants_mail: bool) -> JobResources:
    """Let Slurm write to the user; the address is the user's own to change, and ends on a command line."""
    if not wants_mail:
        return JobResources()
    if not _MAIL.fullmatch(user.email):
        raise InputError("E-mail: your account at OMERO has no e-mail address that can be used")
    return JobResources(extra={"mail-user": user.email, "mail-type": "END,FAIL"})


def read_wishes(fields: Fields) -> OmeroWishes:
    """Return what shall come of results; raises `InputError` or `ParameterError` where that is nothing."""
    flags = ("images", "label_images", "tables", "files", "overlays", "image_files", "archive", "reuse_named")
    pattern = fields.text("name_pattern")
    check_pattern(pattern)
    rois = fields.take("rois", None)
    asked: dict[str, Any] = {name: fields.flag(name) for name in flags}
    wishes = OmeroWishes(
        **asked,
        archive_at=fields.targets("archive_at"),
        tables_at=fields.targets("tables_at"),
        files_at=fields.targets("files_at"),
        dataset_id=fields.number("dataset_id"),
        dataset_name=fields.text("dataset_name"),
        screen_id=fields.number("screen_id"),
        screen_name=fields.text("screen_name"),
        name_pattern=pattern,
        rois=None if rois is None else _rois(Fields(rois, "the wish for ROIs")),
    )
    fields.end()
    if not wishes:
        raise InputError("nothing was chosen that shall come of the results: choose at least one output")
    return wishes


def _rois(fields: Fields) -> RoiWish:
    color = fields.text("color")
    if color and not _COLOR.fullmatch(color):
        raise ParameterError(f"a colour of ROIs is written as #RRGGBB, not {color!r}")
    wish = RoiWish(
        shape=fields.one_of("shape", _SHAPES, otherwise=_SHAPES[0]),
        name_prefix=fields.text("name_prefix"),
        color=color.lstrip("#").upper() or None,
        clear=fields.text("clear"),
        pattern=fields.text("pattern"),
    )
    fields.end()
    return wish
