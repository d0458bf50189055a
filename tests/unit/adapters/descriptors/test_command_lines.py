"""Golden command lines: what a container is given for a descriptor and values."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from biomero.adapters.descriptors import parse_descriptor
from biomero.domain.command_line import CommandLine, build_arguments
from biomero.domain.descriptor import ParameterValue
from biomero.domain.parameters import check_parameters

FIXTURES = Path(__file__).parents[3] / "fixtures" / "descriptors"
CONVENTION = ["--infolder", "/run/in", "--gtfolder", "/run/gt", "--outfolder", "/run/out"]

Values = Mapping[str, str | ParameterValue]
CASES: dict[str, tuple[str, Values, dict[str, str], list[str], list[list[str]]]] = {
    "biaflows, defaults and what must be given": (
        "biaflows-blobs.json",
        {"suffix": "_C"},
        {},
        ["python", "wrapper.py"],
        [
            CONVENTION,
            ["--radius", "5", "--threshold", "-0.5", "--BRIGHT", "False"],
            ["--suffix", "_C", "--local", "-nmc"],
        ],
    ),
    "biaflows, everything, and text that looks like a flag": (
        "biaflows-blobs.json",
        {"radius": "7.5", "threshold": "-1e-5", "bright": "yes", "model": "ring", "suffix": "-C"},
        {},
        ["python", "wrapper.py"],
        [
            CONVENTION,
            ["--radius", "7.5", "--threshold", "-0.00001", "--BRIGHT", "True"],
            ["--model", "ring", "--suffix=-C", "--local", "-nmc"],
        ],
    ),
    "biomero-schema, defaults; keys of what is not set vanish with their flags": (
        "biomero-schema-spots.json",
        {},
        {},
        ["python", "-m", "spot tracking"],
        [
            ["--input", "/run/in", "--radius", "5.0", "--linker=greedy", "--output", "/run/out"],
            ["--verbose", "False", "--scratch", "/run/out"],
        ],
    ),
    "biomero-schema, everything": (
        "biomero-schema-spots.json",
        {"radius": 2, "frames": "3", "linker": "lap", "verbose": True, "title": "a b;$(touch pwned)'\"\n"},
        {"settings": "/run/in/p1/my settings.csv", "masks": "/run/in/p2/mask.tif"},
        ["python", "-m", "spot tracking"],
        [
            ["--input", "/run/in", "--radius", "2.0", "--frames", "3", "--linker=lap"],
            ["--config", "/run/in/p1/my settings.csv", "--fast", "/run/in/p2/mask.tif"],
            ["--output", "/run/out", "--verbose", "True"],
            ["--title", "a b;$(touch pwned)'\"\n", "--scratch", "/run/out"],
        ],
    ),
    "biomero-schema without inputs follows the convention": (
        "biomero-schema-plain.yaml",
        {"note": ""},
        {},
        ["python", "edges.py"],
        [CONVENTION, ["--sigma", "1.5", "--note", "", "--local", "-nmc"]],
    ),
    "bilayers, defaults in the order of cli_order": (
        "bilayers-outlines.yaml",
        {},
        {},
        ["python", "-m", "outlines", "--quiet"],
        [
            ["/run/in", "--save", "--probabilities", "--smooth=False", "--tolerance", "0.00001"],
            ["--channel", "0", "--model", "2D", "--savedir", "/run/out", "--strict", "True"],
            ["--table_dir", "/run/out", "--diameter", "30.0", "--seed", "7"],
        ],
    ),
    "bilayers, everything": (
        "bilayers-outlines.yaml",
        {"use_gpu": "true", "probabilities": "0", "smooth": "1", "z_axis": "2", "filter": "*.tif"}
        | {"hidden": "y", "channel": "1", "model": "None", "diameter": "-4"},
        {"custom_model": "/run/in/p1/model"},
        ["python", "-m", "outlines", "--quiet"],
        [
            ["/run/in", "--save", "--add_model", "/run/in/p1/model", "--use_gpu", "--smooth=True"],
            ["--z_axis", "2", "--tolerance", "0.00001", "--filter", "*.tif", "--channel", "1"],
            ["--savedir", "/run/out", "--strict", "True", "--table_dir", "/run/out"],
            ["--diameter", "-4.0", "--seed", "7"],
        ],
    ),
    "biaflows, defaults that are booleans": (
        "biaflows-switches.json",
        {},
        {},
        ["python", "run.py"],
        [CONVENTION, ["--flip", "False", "--keep", "True", "--local", "-nmc"]],
    ),
    "biaflows, switches the other way": (
        "biaflows-switches.json",
        {"flip": "true", "keep": "no"},
        {},
        ["python", "run.py"],
        [CONVENTION, ["--flip", "True", "--keep", "False", "--local", "-nmc"]],
    ),
    "bilayers, every kind of input, only what must be given": (
        "bilayers-kinds.yaml",
        {},
        {},
        ["python", "-m", "kinds"],
        [
            ["--dir", "/run/in", "--sigma", "0.4", "15", "--invert", "False", "--where", "best"],
            ["--output_images", "/run/out", "--output_measurement", "/run/out"],
        ],
    ),
    "bilayers, every kind of input": (
        "bilayers-kinds.yaml",
        {"sigma": "1", "count": "2", "invert": "true", "where": "-x"},
        {"table": "/run/a/t.csv", "numbers": "/run/a/n", "notes": "/run/a/notes", "plugin": "/run/a/p.py"},
        ["python", "-m", "kinds"],
        [
            ["--dir", "/run/in", "--input_measurement", "/run/a/t.csv", "--input_array", "/run/a/n"],
            ["--input_file", "/run/a/notes", "--input_executable", "/run/a/p.py", "--sigma", "1.0", "2"],
            ["--invert", "True", "--where=-x", "--output_images", "/run/out"],
            ["--output_measurement", "/run/out"],
        ],
    ),
}


def command_line(name: str, given: Values, attachments: dict[str, str] | None = None) -> CommandLine:
    descriptor = parse_descriptor(FIXTURES / name)
    return build_arguments(
        descriptor,
        check_parameters(descriptor, given),
        input_folder="/run/in",
        output_folder="/run/out",
        ground_truth_folder="/run/gt",
        attachments=attachments,
    )


@pytest.mark.parametrize("case", CASES)
def test_the_container_is_given_exactly_these_words(case: str) -> None:
    file, given, attachments, program, arguments = CASES[case]
    found = command_line(file, given, attachments)
    assert list(found.program) == program
    assert list(found.arguments) == [word for line in arguments for word in line]
    assert found.argv == found.program + found.arguments


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("biaflows-blobs.json", True),
        ("biomero-schema-plain.yaml", True),
        ("biomero-schema-spots.json", False),
        ("bilayers-outlines.yaml", False),
    ],
)
def test_only_the_convention_of_biaflows_starts_the_entry_point(file: str, *, expected: bool) -> None:
    given = {"suffix": "_C"} if file.startswith("biaflows") else {}
    assert command_line(file, given).uses_entry_point is expected
