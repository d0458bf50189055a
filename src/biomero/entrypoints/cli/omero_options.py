"""Options that say what comes from OMERO and what goes there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from biomero.application.choose_omero_images import OmeroOrder
from biomero.application.name_objects import check_pattern
from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.application.settings import OmeroSettings
from biomero.domain.omero import OmeroKind, OmeroRef, file_annotation_in
from biomero.entrypoints.cli.options import pairs_of
from biomero.errors import ConfigurationError, InputError, UsageError

F = TypeVar("F", bound=Callable[..., object])

_TARGETS = {
    "rois": "outlines of the objects, on the images",
    "labels": "label images, into a dataset or screen",
    "images": "all other images, likewise",
    "tables": "tables, on the images",
    "files": "all other files, on the images",
    "overlays": "pictures with outlines, on the images",
}


def omero_options(command: F) -> F:
    """Add the options for images from OMERO."""
    command = click.option(
        "--omero-user",
        metavar="NAME",
        help="Whose run it is, where a service account acts for users.",
    )(command)
    return click.option(
        "--omero",
        "omero",
        multiple=True,
        metavar="KIND:ID",
        help="Images from OMERO: Image:5, Dataset:7, Project, Plate, Well or Screen. More may follow.",
    )(wish_options(command))


def wish_options(command: F) -> F:
    """Add the options that say what shall be made in OMERO."""
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in _TARGETS.items())
    options = (
        click.option(
            "--to",
            "to",
            multiple=True,
            metavar="WHAT",
            help=f"What goes to OMERO, with commas between or once for each. {meanings}.",
        ),
        click.option(
            "--to-dataset", metavar="NAME", help="The dataset for images: a new one's name, or Dataset:ID."
        ),
        click.option(
            "--to-screen",
            metavar="NAME",
            help="The screen for images that come of plates: a new one's name, or Screen:ID.",
        ),
        click.option(
            "--image-names",
            default="",
            metavar="PATTERN",
            help="Names of imported images, such as {original_file}_nuclei.{ext}.",
        ),
        click.option("--roi-shape", type=click.Choice(["polygon", "mask"]), default="polygon"),
        click.option("--roi-name", default="", help="What ROIs are called; the workflow's name by default."),
        click.option("--roi-color", metavar="RRGGBB", help="Their colour."),
        click.option(
            "--clear-rois", default="", metavar="TEXT", help="First delete your ROIs whose names have TEXT."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def omero_order(
    given: dict[str, Any], words: Sequence[str], settings: OmeroSettings | None
) -> OmeroOrder | None:
    """Read the options; ``None`` where the images are files.

    Parameters
    ----------
    words
        What follows the options: further objects of OMERO.

    Raises
    ------
    UsageError
        If they do not go together.
    """
    if not given["omero"]:
        if given["to"]:
            raise UsageError("--to goes with --omero; results of files go to a folder (--out)")
        return None
    user = whose(given["omero_user"], settings)
    try:
        chosen = tuple(OmeroRef.parse(word) for word in (*given["omero"], *words))
    except ValueError as exc:
        raise InputError(str(exc)) from exc
    return OmeroOrder(user=user, chosen=chosen, wishes=omero_wishes(given))


def split_inputs(
    words: Sequence[str], omero: OmeroOrder | None
) -> tuple[dict[str, list[Path]], OmeroOrder | None]:
    """Read ``--input``: return the files of this machine by input, and the order with those of OMERO.

    Raises
    ------
    UsageError
        If files are in OMERO and the images are not.
    ParameterError
        If a word is none of ``NAME=PATH`` and ``NAME=FileAnnotation:ID``, or an input gets two paths.
    """
    here: list[str] = []
    files: dict[str, list[int]] = defaultdict(list)
    for word in words:
        name, _, value = word.partition("=")
        number = file_annotation_in(value)
        if number is None:
            here.append(word)
        elif omero is None:
            raise UsageError(f"--input {word} goes with --omero (a file of that name is ./{value})")
        else:
            files[name].append(number)
    paths = {name: [Path(path)] for name, path in pairs_of(here, option="--input").items()}
    return paths, None if omero is None else replace(omero, files=dict(files))


def whose(named: str | None, settings: OmeroSettings | None) -> str:
    """Return who is at work, by the name that they log in with.

    Raises
    ------
    ConfigurationError
        If no OMERO is configured.
    UsageError
        If it could be anybody.
    """
    if settings is None:
        raise ConfigurationError(
            "no OMERO is configured: [OMERO] needs host, user and password_file "
            "(or BIOMERO_OMERO_HOST, BIOMERO_OMERO_USER and BIOMERO_OMERO_PASSWORD_FILE)"
        )
    if settings.is_sudo and not named:
        raise UsageError(
            f"{settings.user or 'the account of [OMERO]'} acts for others: say for whom (--omero-user NAME), "
            "or set sudo = false in [OMERO] if the account is yours"
        )
    return named or settings.user


def omero_wishes(given: dict[str, Any]) -> OmeroWishes:
    """Read the options of `wish_options`.

    Raises
    ------
    UsageError
        If one of them is not as it should be.
    """
    wanted = {word.strip() for part in given["to"] for word in part.split(",") if word.strip()}
    unknown = sorted(wanted - set(_TARGETS))
    if unknown:
        raise UsageError(f"--to {unknown[0]}: there are {', '.join(_TARGETS)}")
    check_pattern(given["image_names"])
    dataset_id, dataset_name = _container(given["to_dataset"] or "", OmeroKind.DATASET)
    screen_id, screen_name = _container(given["to_screen"] or "", OmeroKind.SCREEN)
    if given["to_screen"] and not wanted & {"images", "labels"}:
        raise UsageError("--to-screen says where images go: add --to images or --to labels")
    return OmeroWishes(
        images="images" in wanted,
        label_images="labels" in wanted,
        dataset_id=dataset_id,
        dataset_name=dataset_name,
        screen_id=screen_id,
        screen_name=screen_name,
        name_pattern=given["image_names"],
        rois=_rois(given) if "rois" in wanted else None,
        tables="tables" in wanted,
        files="files" in wanted,
        overlays="overlays" in wanted,
    )


def _rois(given: dict[str, Any]) -> RoiWish:
    color = (given["roi_color"] or "").lstrip("#").upper()
    if color and (len(color) != len("RRGGBB") or set(color) - set("0123456789ABCDEF")):
        raise UsageError(
            f"--roi-color takes six hexadecimal digits, such as 147EB3, not {given['roi_color']}"
        )
    return RoiWish(
        shape=given["roi_shape"],
        name_prefix=given["roi_name"],
        color=color or None,
        clear=given["clear_rois"],
    )


def _container(text: str, kind: OmeroKind) -> tuple[int | None, str]:
    """Return the id of an existing container, or the name of a new one."""
    try:
        ref = OmeroRef.parse(text)
    except ValueError:
        return None, text
    if ref.kind is not kind:
        raise UsageError(f"--to-{kind.value.lower()} takes a name or {kind.value}:ID, not {ref}")
    return ref.id, ""
