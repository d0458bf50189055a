"""What a shell says of OMERO."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from biomero.application.choose_omero_images import OmeroOrder
from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.application.settings import OmeroSettings
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.entrypoints.cli.omero import omero
from biomero.entrypoints.cli.omero_options import omero_options, omero_order, split_inputs
from biomero.errors import BiomeroError, ConfigurationError, InputError, ParameterError, UsageError

MINE = OmeroSettings(host="omero", user="ann", password="hidden", is_sudo=False)
SERVICE = OmeroSettings(host="omero", user="biomero", password="hidden")


def order(*words: str, settings: OmeroSettings | None = MINE) -> OmeroOrder | None:
    found: list[OmeroOrder | None] = []

    @click.command()
    @click.argument("images", nargs=-1)
    @omero_options
    def command(images: Sequence[str], **given: Any) -> None:
        found.append(omero_order(given, images, settings))

    result = CliRunner().invoke(command, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return found[0]


def test_without_omero_images_are_files() -> None:
    assert order("a.tif") is None


def test_objects_may_follow_one_option_and_targets_may_be_listed() -> None:
    asked = order("--omero", "Image:5", "dataset:7", "--to", "rois,labels", "--to", "tables")
    assert asked == OmeroOrder(
        user="ann",
        chosen=(OmeroRef(OmeroKind.IMAGE, 5), OmeroRef(OmeroKind.DATASET, 7)),
        wishes=OmeroWishes(label_images=True, tables=True, rois=RoiWish()),
    )


def test_rois_and_datasets_are_as_they_are_said() -> None:
    asked = order(
        "--omero", "Plate:1", "--to", "rois,images", "--to-dataset", "Dataset:9", "--roi-shape", "mask",
        "--roi-name", "nuclei", "--roi-color", "#147eb3", "--clear-rois", "old",
    )  # fmt: skip
    assert asked is not None
    assert asked.wishes == OmeroWishes(
        images=True,
        dataset_id=9,
        rois=RoiWish(shape="mask", name_prefix="nuclei", color="147EB3", clear="old"),
    )


def test_images_of_plates_go_into_a_screen() -> None:
    for said, number, name in (("Screen:9", 9, ""), ("my screen", None, "my screen")):
        asked = order("--omero", "Plate:1", "--to", "labels", "--to-screen", said)
        assert asked is not None
        assert asked.wishes == OmeroWishes(label_images=True, screen_id=number, screen_name=name)


def test_a_service_account_needs_to_know_for_whom_it_acts() -> None:
    with pytest.raises(UsageError, match="--omero-user"):
        order("--omero", "Image:5", settings=SERVICE)
    asked = order("--omero", "Image:5", "--omero-user", "bob", settings=SERVICE)
    assert asked is not None
    assert asked.user == "bob"


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (("--to", "rois"), UsageError, "--to goes with --omero"),
        (("--omero", "Image:x"), InputError, "Image:ID"),
        (("--omero", "Image:0"), InputError, "Image:0"),
        (("--omero", "Image:5", "cells.tif"), InputError, "cells"),
        (
            ("--omero", "Plate:5", "--to", "rois", "--to-screen", "s"),
            UsageError,
            "--to images or --to labels",
        ),
        (("--omero", "Plate:5", "--to", "labels", "--to-screen", "Dataset:5"), UsageError, "Screen:ID"),
        (("--omero", "Roi:5"), InputError, "Roi:5"),
        (("--omero", "Image:5", "--to", "roi"), UsageError, "there are rois"),
        (("--omero", "Image:5", "--to-dataset", "Image:5"), UsageError, "Dataset:ID"),
        (("--omero", "Image:5", "--to", "rois", "--roi-color", "blue"), UsageError, "hexadecimal"),
        (("--omero", "Image:5", "--image-names", "{x}"), ParameterError, "{x}"),
    ],
)
def test_what_does_not_go_together_is_said(
    words: Sequence[str], error: type[BiomeroError], says: str
) -> None:
    with pytest.raises(error, match=says.replace("{", r"\{")):
        order(*words)


def test_inputs_are_files_of_this_machine_or_of_omero() -> None:
    words = ["level=FileAnnotation:12", "notes=fileannotation:3", "notes=FileAnnotation:4", "model=a=b.pt"]
    here, asked = split_inputs(words, order("--omero", "Image:5"))
    assert here == {"model": [Path("a=b.pt")]}
    assert asked is not None
    assert asked.files == {"level": [12], "notes": [3, 4]}
    assert split_inputs(["level=./FileAnnotation:12"], None) == ({"level": [Path("FileAnnotation:12")]}, None)


@pytest.mark.parametrize(
    ("word", "error", "says"),
    [
        ("level=FileAnnotation:12", UsageError, "goes with --omero"),
        ("level", ParameterError, "--input takes NAME=VALUE"),
    ],
)
def test_inputs_that_cannot_be_had_are_refused(word: str, error: type[BiomeroError], says: str) -> None:
    with pytest.raises(error, match=says):
        split_inputs([word], None)


def test_a_machine_without_omero_says_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="BIOMERO_OMERO_HOST"):
        order("--omero", "Image:5", settings=None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "0f5d7c2a"), "--to"),
        (("import", "0f5d7c2a", "--to", "pizza"), "pizza"),
        (("import", "0f5d7c2a", "--to", "images", "--to-dataset", "Plate:5"), "Dataset:ID"),
    ],
    ids=["nothing", "unknown", "plate"],
)
def test_an_import_that_makes_no_sense_is_refused_before_a_run_is_looked_for(
    words: Sequence[str], said: str
) -> None:
    done = CliRunner().invoke(omero, words)
    assert done.exit_code == 2
    assert said in done.output
