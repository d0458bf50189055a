"""An order, as JSON has it: every field is looked at, and a wrong one is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from biomero.application.choose_omero_images import OmeroOrder
from biomero.application.name_objects import check_pattern
from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.application.place_on_plates import Plates
from biomero.application.send_file import FileOrder
from biomero.application.send_images import SendOrder
from biomero.application.submit_run import Order
from biomero.domain.job import JobResources
from biomero.domain.omero import LARGEST_ID, OmeroRef, OmeroUser
from biomero.errors import InputError, ParameterError

_LONGEST_NAME = 255
_MOST_OBJECTS = 10_000
_MOST_FILES = 1000
_COLOR = re.compile(r"#?([0-9A-Fa-f]{6})")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_SHAPES = ("polygon", "mask")
_VERSIONS = ("0.4", "0.5")
_PLATES = ("auto", "fields", "hcs")
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
    fields = _Fields(body, "the request")
    asked = AskedImport(
        key=fields.text("key"),
        run=fields.text("run"),
        job=fields.number("job"),
        wishes=_wishes(fields.part("wishes")),
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
    fields = _Fields(body, "the request")
    key, chosen = fields.text("key"), fields.texts("chosen")
    order = SendOrder(
        omero=OmeroOrder(user=user.name, chosen=_objects(chosen)),
        as_tiff=fields.one_of("format", _FORMATS, otherwise="zarr") == "tiff",
        zarr_version=_zarr(fields.one_of("zarr_version", _VERSIONS, otherwise="0.5")),
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
    fields = _Fields(body, "the request")
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
    fields = _Fields(body, "the request")
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
    fields = _Fields(body, "the order")
    key, workflow = fields.text("key"), fields.text("workflow")
    for name, value in (("key", key), ("workflow", workflow)):
        if not value:
            raise InputError(f"the order has no {name}")
    if "/" in workflow or "\0" in workflow:
        raise InputError(f"{workflow!r} is no name of a workflow")
    chosen, files = fields.texts("chosen"), _files(fields.take("files", {}))
    zarr_version = fields.one_of("zarr_version", _VERSIONS, otherwise="0.5")
    plates = fields.one_of("plates", _PLATES, otherwise=_PLATES[0])
    asked = AskedOrder(
        key=key,
        version=fields.text("version"),
        order=Order(
            workflow=workflow,
            omero=OmeroOrder(
                user=user.name,
                chosen=_objects(chosen),
                wishes=_wishes(fields.part("wishes")),
                files=files,
            ),
            parameters=_parameters(fields.take("parameters", {})),
            batch_size=fields.number("batch_size"),
            zarr_version=_zarr(zarr_version),
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


def _zarr(text: str) -> Literal["0.4", "0.5"]:
    return "0.4" if text == "0.4" else "0.5"


def _objects(texts: list[str]) -> tuple[OmeroRef, ...]:
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


def _wishes(fields: _Fields) -> OmeroWishes:
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
        rois=None if rois is None else _rois(_Fields(rois, "the wish for ROIs")),
    )
    fields.end()
    if not wishes:
        raise InputError("nothing was chosen that shall come of the results: choose at least one output")
    return wishes


def _rois(fields: _Fields) -> RoiWish:
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


class _Fields:
    """The fields of a JSON object, each taken once."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, Mapping):
            raise InputError(f"{what} is no JSON object")
        self._left = dict(value)
        self._what = what

    def take(self, name: str, otherwise: Any) -> Any:  # noqa: ANN401 - JSON has no type of its own
        return self._left.pop(name, otherwise)

    def text(self, name: str) -> str:
        value = self.take(name, "")
        if not isinstance(value, str) or len(value) > _LONGEST_NAME or not value.isprintable():
            raise InputError(f"{name}: wanted is a line of {_LONGEST_NAME} characters at most")
        return value.strip()

    def texts(self, name: str) -> list[str]:
        value = self.take(name, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise InputError(f"{name}: wanted is a list of texts")
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name, False)  # noqa: FBT003 - a field that is left out
        if not isinstance(value, bool):
            raise InputError(f"{name}: wanted is true or false")
        return value

    def number(self, name: str) -> int | None:
        value = self.take(name, None)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise InputError(f"{name}: wanted is a whole number from 1 on, not {value!r}")
        return value

    def one_of(self, name: str, words: tuple[str, ...], *, otherwise: str) -> str:
        value = self.text(name) or otherwise
        if value not in words:
            raise InputError(f"{name}: there are {', '.join(words)}, not {value!r}")
        return value

    def targets(self, name: str) -> tuple[str, ...]:
        try:
            return tuple(dict.fromkeys(str(OmeroRef.parse(text)) for text in self.texts(name)))
        except ValueError as exc:
            raise InputError(f"{name}: {exc}") from exc

    def part(self, name: str) -> _Fields:
        return _Fields(self.take(name, {}), name)

    def end(self) -> None:
        if self._left:
            raise InputError(f"{self._what} has a field that is not known: {next(iter(self._left))!r}")
