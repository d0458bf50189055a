import argparse
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomero.domain.command_line import CommandLine, build_arguments
from biomero.domain.descriptor import (
    DescriptorFormat,
    Output,
    Parameter,
    ParameterType,
    ParameterValue,
    WorkflowDescriptor,
)
from biomero.domain.spelling import text_of
from biomero.errors import DescriptorError, ParameterError

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
IMAGES = Parameter(
    id="images", type=ParameterType.IMAGE, name="Images", value_key="[IMAGES]", flag="--images"
)
MODEL = Parameter(id="model", type=ParameterType.FILE, name="Model", value_key="[MODEL]", optional=False)
TEXT = Parameter(id="title", type=ParameterType.STRING, name="Title", value_key="[TITLE]", flag="--title")


def workflow(
    *parameters: Parameter,
    kind: DescriptorFormat = DescriptorFormat.BIOMERO_SCHEMA,
    line: str = "tool [IMAGES] --title [TITLE]",
    outputs: tuple[Output, ...] = (),
) -> WorkflowDescriptor:
    return WorkflowDescriptor(
        name="Tool",
        description="",
        format=kind,
        container_image=None,
        command_line=tuple(line.split()),
        parameters=parameters,
        outputs=outputs,
    )


def build(
    descriptor: WorkflowDescriptor,
    values: dict[str, ParameterValue] | None = None,
    attachments: dict[str, str] | None = None,
) -> CommandLine:
    return build_arguments(
        descriptor,
        values or {},
        input_folder="in",
        output_folder="out",
        ground_truth_folder="gt",
        attachments=attachments,
    )


@pytest.mark.parametrize("kind", DescriptorFormat)
@given(value=TEXTS.filter(lambda text: text != "--"))  # argparse drops it from any option, until Python 3.13
def test_text_reaches_a_program_that_uses_argparse_unchanged(kind: DescriptorFormat, value: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    for flag in ("--images", "--title", "--infolder", "--gtfolder", "--outfolder"):
        parser.add_argument(flag)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("-nmc", action="store_true")
    arguments = build(workflow(IMAGES, TEXT, kind=kind), {"title": value}).arguments
    left_out = kind is DescriptorFormat.BILAYERS and value in ("", "None")
    assert parser.parse_args(arguments).title == (None if left_out else value)


@given(value=TEXTS.filter(lambda text: not text.startswith("-")))
def test_text_is_exactly_one_word(value: str) -> None:
    assert build(workflow(IMAGES, TEXT), {"title": value}).arguments == ("--images", "in", "--title", value)


def test_a_value_that_looks_like_a_key_is_not_filled_in_again() -> None:
    line = "tool [IMAGES] --title=[TITLE]"
    found = build(workflow(IMAGES, TEXT, line=line), {"title": "[IMAGES]"})
    assert found.arguments == ("--images", "in", "--title=[IMAGES]")


def test_a_bracketed_key_does_not_stand_for_the_bare_word() -> None:
    found = build(workflow(IMAGES, line="tool run IMAGES [IMAGES]"))
    assert found.argv == ("tool", "run", "IMAGES", "--images", "in")


def test_a_key_of_an_output_becomes_the_output_folder() -> None:
    output = Output(id="masks", type="image", name="Masks", value_key="[MASKS]", flag="--masks")
    found = build(workflow(IMAGES, line="tool [IMAGES] [MASKS] --keep", outputs=(output,)))
    assert found.arguments == ("--images", "in", "--masks", "out", "--keep")


def test_a_required_file_must_be_attached() -> None:
    with pytest.raises(
        ParameterError, match=r"Tool: input 'model' needs a file; attach one \(--input model=PATH\)"
    ):
        build(workflow(IMAGES, MODEL))
    found = build(workflow(IMAGES, MODEL, line="tool [IMAGES] [MODEL]"), attachments={"model": "m.pt"})
    assert found.arguments == ("--images", "in", "m.pt")


def test_images_of_another_kind_must_be_attached() -> None:
    images = replace(IMAGES, sub_types=("grayscale",))
    labels = replace(IMAGES, id="labels", value_key="[LABELS]", flag="--labels", sub_types=("label",))
    with pytest.raises(ParameterError, match="'labels' needs a label image; attach one"):
        build(workflow(images, labels))
    found = build(workflow(images, replace(labels, sub_types=()), line="tool [IMAGES] [LABELS]"))
    assert found.arguments == ("--images", "in", "--labels", "in")


def test_a_file_cannot_be_attached_to_what_is_no_input() -> None:
    with pytest.raises(ParameterError, match="Tool: no input 'modle'; did you mean 'model'"):
        build(workflow(IMAGES, MODEL, TEXT), attachments={"modle": "m.pt"})


def test_a_workflow_without_images_takes_its_first_input_from_the_input_folder() -> None:
    found = build(workflow(MODEL, line="tool [MODEL]"))
    assert found.arguments == ("in",)


def test_a_workflow_without_a_command_cannot_be_run() -> None:
    with pytest.raises(DescriptorError, match="Tool: its descriptor names no command"):
        build(workflow(IMAGES, line=""))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (30.0, "30.0"),
        (1e-5, "0.00001"),
        (-1e22, "-10000000000000000000000.0"),
        (1e300, "1e+300"),
        (0.0, "0.0"),
    ],
)
def test_floats_are_spelt_without_an_exponent_as_far_as_that_is_sane(value: float, expected: str) -> None:
    assert text_of(value) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_spelt_float_is_the_same_float(value: float) -> None:
    assert float(text_of(value)) == value
