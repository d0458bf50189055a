import json
from pathlib import Path

import pytest

from biomero.adapters.descriptors import parse_descriptor
from biomero.domain.descriptor import Choice, DescriptorFormat, ParameterType
from biomero.errors import DescriptorError

FIXTURES = Path(__file__).parents[3] / "fixtures" / "descriptors"
Json = dict[str, object]


def schema_document(**changes: object) -> Json:
    content = json.loads((FIXTURES / "biomero-schema-spots.json").read_text())
    return {**content, **{name.replace("_", "-"): value for name, value in changes.items()}}


def biaflows_document(**changes: object) -> Json:
    entry = {"id": "radius", "type": "Number", "default-value": 5, "optional": True, **changes}
    return {
        "name": "Blobs",
        "schema-version": "cytomine-0.1",
        "container-image": {"image": "example/w_blobs"},
        "command-line": "python wrapper.py RADIUS",
        "inputs": [entry],
    }


def written(folder: Path, content: Json | str, name: str = "descriptor.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_biaflows_becomes_the_one_model() -> None:
    found = parse_descriptor(FIXTURES / "biaflows-blobs.json")
    assert found.format is DescriptorFormat.BIAFLOWS
    assert found.container_image is not None
    assert found.container_image.name == "example/w_blobcounting"
    assert [p.id for p in found.user_parameters] == ["radius", "threshold", "bright", "model", "suffix"]
    by_id = {p.id: p for p in found.parameters}
    assert by_id["radius"].type is ParameterType.NUMBER
    assert by_id["bright"].default is False
    assert by_id["bright"].flag == "--BRIGHT"
    assert by_id["model"].choices == (
        Choice(value="disc", label="disc"),
        Choice(value="ring", label="ring"),
    )
    assert found.description == ""


def test_biomero_schema_becomes_the_one_model() -> None:
    found = parse_descriptor(FIXTURES / "biomero-schema-spots.json")
    assert found.format is DescriptorFormat.BIOMERO_SCHEMA
    assert (found.resources.cpus, found.resources.memory_mb) == (2, 2049)
    assert found.resources.gpu
    assert found.resources.networking
    assert (found.input_folder, found.output_folder) == ("/inputs", "/outputs")
    assert found.takes_zarr
    assert [p.id for p in found.main_inputs] == ["images", "masks"]
    assert [p.id for p in found.attachable_inputs] == ["settings", "masks"]
    by_id = {p.id: p for p in found.parameters}
    assert by_id["images"].is_folder
    assert not by_id["settings"].is_folder
    assert not by_id["masks"].is_folder
    assert (by_id["radius"].default, by_id["radius"].minimum, by_id["radius"].maximum) == (5.0, 0.5, 50)
    assert by_id["linker"].choices[0] == Choice(value="greedy", label="Greedy")
    assert by_id["scratch"].output_folder
    assert found.citations == ({"name": "Spots", "license": "BSD-2-Clause"},)


def test_bilayers_becomes_the_one_model_as_its_author_wrote_it() -> None:
    found = parse_descriptor(FIXTURES / "bilayers-outlines.yaml")
    assert found.format is DescriptorFormat.BILAYERS
    assert found.name == "outlines_inference"
    assert found.container_image is not None
    assert found.container_image.name == "example/outlines:1.10"
    by_id = {p.id: p for p in found.parameters}
    assert by_id["z_axis"].default is None
    assert by_id["use_gpu"].default is False
    assert by_id["channel"].type is ParameterType.INTEGER
    assert by_id["channel"].choices[0] == Choice(value=0, label="0")
    assert [choice.value for choice in by_id["model"].choices] == ["2D", "no", "None"]
    assert by_id["save_dir"].output_folder
    assert not by_id["custom_model"].is_folder
    assert found.citations == ()


def test_every_kind_that_bilayers_knows_is_understood() -> None:
    found = parse_descriptor(FIXTURES / "bilayers-kinds.yaml")
    kinds = {p.id: (p.type.value, p.is_folder, p.is_advanced) for p in found.inputs}
    assert kinds == {
        "pictures": ("image", True, False),
        "table": ("measurement", False, True),
        "numbers": ("array", True, True),
        "notes": ("file", True, True),
        "plugin": ("executable", False, True),
    }
    assert [(o.id, o.type, o.omitted) for o in found.outputs] == [
        ("drawn", "image", False),
        ("found", "measurement", False),
        ("sums", "array", True),
        ("words", "file", True),
        ("script", "executable", True),
    ]
    assert found.outputs[0].sub_types == ("grayscale", "color", "binary", "label")
    assert [c["doi"] for c in found.citations] == ["10.5555/12345678"]


def test_the_template_of_bilayers_parses_and_nothing_is_made_up_for_its_placeholders() -> None:
    found = parse_descriptor(FIXTURES / "bilayers-template.yaml")
    assert found.container_image is None
    assert found.command_line == ()
    assert [(p.id, p.default, p.order) for p in found.parameters] == [
        ("images", None, 0),
        ("use_gpu", None, 0),
    ]


def test_a_file_that_calls_itself_1_0_0_is_what_it_holds(tmp_path: Path) -> None:
    content = biaflows_document()
    content["schema-version"] = "1.0.0"
    assert parse_descriptor(written(tmp_path, content)).format is DescriptorFormat.BIAFLOWS
    schema = written(tmp_path, schema_document(), "schema.json")
    assert parse_descriptor(schema).format is DescriptorFormat.BIOMERO_SCHEMA


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "descriptor.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(biaflows_document()).encode())
    assert parse_descriptor(path).name == "Blobs"


BROKEN: dict[str, tuple[Json | str, str, str]] = {
    "no JSON": ("{", "descriptor.json", r"descriptor\.json: not valid JSON: .* \(line 1, column 2\)"),
    "NaN": ('{"a": NaN}', "descriptor.json", "NaN is no value in JSON"),
    "a number that is too long": ("[" + "9" * 5000 + "]", "d.json", "not valid JSON: Exceeds"),
    "too many brackets": ("[" * 100_000, "d.json", "not valid JSON: maximum recursion"),
    "no YAML": ("a: [", "config.yaml", r"config\.yaml: not valid YAML: .* \(line 1, column 5\)"),
    "a date that is none": ("a: 2020-99-99", "config.yaml", "not valid YAML"),
    "an object that would run code": ("a: !!python/name:os.system", "config.yaml", "not valid YAML"),
    "a list": ("[]", "descriptor.json", "the descriptor must be a mapping"),
    "another file": ({"a": 1}, "descriptor.json", "no workflow descriptor; these are read: BIAFLOWS"),
    "CWL": ({"cwlVersion": "v1.2"}, "tool.json", "cwlVersion: CWL is not among the formats"),
    "OpenAPI": ({"$schema": "https://x/openapi/3.1"}, "tool.json", "OpenAPI is not among"),
    "a type that is none": (
        schema_document(inputs=[{"id": "x", "type": "colour"}]),
        "descriptor.json",
        r"descriptor\.json: inputs\[0\]\.type: is 'colour'; allowed: 'Number', 'String'",
    ),
    "a missing description": (schema_document(description=None), "d.json", "description: .*not None"),
    "several faults": (
        schema_document(inputs=[{"type": "integer"}], name=3),
        "d.json",
        r"name: .*; inputs\[0\]\.id: is missing",
    ),
    "no name": ({"schema-version": "biomero-0.1"}, "d.json", "name: is missing; description: is missing"),
    "a key that nobody declares": (
        schema_document(command_line="tool [IMAGES] [COLOUR]"),
        "d.json",
        r"command-line: \[COLOUR\] is no input's or output's value-key; known: .*\[IMAGES\]",
    ),
    "a command line with an open quote": (
        schema_document(command_line="tool '[IMAGES]"),
        "d.json",
        "command-line: not a command line: No closing quotation",
    ),
    "a default of another type": (
        biaflows_document(**{"default-value": "five"}),
        "d.json",
        r"inputs\[0\]\.default-value: is 'five', no number",
    ),
    "a default out of range": (
        biaflows_document(minimum=10),
        "d.json",
        r"inputs\[0\]\.default-value: the default does not fit: .*'radius' cannot be 5; .* of at least 10",
    ),
    "a default that is no choice": (
        biaflows_document(**{"value-choices": [1, 2]}),
        "d.json",
        r"it takes one of: 1, 2",
    ),
    "a range upside down": (biaflows_document(minimum=3, maximum=2), "d.json", "minimum: 3 is above"),
    "text that says neither": (
        biaflows_document(optional="perhaps"),
        "d.json",
        r"inputs\[0\]\.optional: must be true or false, not 'perhaps'",
    ),
    "an id that is missing": (biaflows_document(id=""), "d.json", r"inputs\[0\]\.id: is missing"),
    "inputs that are text": (
        {**biaflows_document(), "inputs": "x"},
        "d.json",
        "inputs: must be a list, not 'x'",
    ),
    "an input that is text": (
        {**biaflows_document(), "inputs": ["x"]},
        "d.json",
        r"inputs\[0\] must be a mapping",
    ),
    "one id twice": (
        {
            **biaflows_document(),
            "inputs": [{"id": "a", "type": "String"}, {"id": "a", "type": "String"}],
        },
        "d.json",
        "inputs: 'a' is there twice",
    ),
    "bilayers, a type that is none": (
        "docker_image:\nparameters: [{name: a, type: slider}]",
        "config.yaml",
        r"parameters\[0\]\.type: is 'slider'; allowed: integer, float, boolean, checkbox",
    ),
    "bilayers, a default of another type": (
        "docker_image:\nparameters: [{name: a, type: integer, default: many}]",
        "config.yaml",
        r"parameters\[0\]\.default: is 'many', no integer",
    ),
    "bilayers, a format that is no text": (
        "docker_image:\ninputs: [{name: a, type: image, format: [{tif: 1}]}]",
        "config.yaml",
        r"inputs\[0\]\.format: must be a list of texts",
    ),
    "bilayers, a name that is missing": (
        "docker_image:\nparameters: [{type: integer}]",
        "config.yaml",
        r"parameters\[0\]\.name: is missing",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_said_with_file_and_field(case: str, tmp_path: Path) -> None:
    content, name, message = BROKEN[case]
    path = written(tmp_path, content, name)
    with pytest.raises(DescriptorError, match=message) as caught:
        parse_descriptor(path)
    assert str(path) in str(caught.value)


def test_aliases_that_multiply_do_no_harm(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    for field in ("schema-version", "docker_image", "container-image"):
        path = written(tmp_path, "\n".join([*lines, "inputs: *a11", f"{field}: *a11"]), "config.yaml")
        with pytest.raises(DescriptorError):
            parse_descriptor(path)
    schema = ["schema-version: biomero-0.1", "name: *a11", "inputs: [{id: x, type: *a11}]"]
    path = written(tmp_path, "\n".join([*lines, *schema]), "descriptor.yaml")
    with pytest.raises(DescriptorError, match="name: "):
        parse_descriptor(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DescriptorError, match="cannot be read"):
        parse_descriptor(tmp_path / "descriptor.json")
    (tmp_path / "descriptor.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DescriptorError, match="not UTF-8"):
        parse_descriptor(tmp_path / "descriptor.json")
    (tmp_path / "descriptor.json").write_bytes(b" " * 2_000_001)
    with pytest.raises(DescriptorError, match="over 2 MB"):
        parse_descriptor(tmp_path / "descriptor.json")
