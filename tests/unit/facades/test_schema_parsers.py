"""Descriptors of every format, as objects of biomero-schema."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from biomero.schema_parsers import (
    BiaflowsSchemaAdapter,
    DescriptorParserFactory,
    WorkflowDescriptorParser,
    create_class_instance,
    detect_schema_format,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "descriptors"


def described(name: str) -> dict[str, Any]:
    text = (FIXTURES / name).read_text()
    loaded: dict[str, Any] = json.loads(text) if name.endswith(".json") else yaml.safe_load(text)
    return loaded


def parsed(name: str) -> dict[str, Any]:
    dumped: dict[str, Any] = WorkflowDescriptorParser.parse_descriptor(described(name)).model_dump(
        by_alias=True
    )
    dumped["inputs"] = {entry["id"]: entry for entry in dumped["inputs"]}
    return dumped


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("biaflows-blobs.json", "BIAFLOWS"),
        ("biomero-schema-spots.json", "biomero-schema"),
        ("biomero-schema-plain.yaml", "biomero-schema"),
        ("bilayers-outlines.yaml", "bilayers"),
    ],
)
def test_formats_are_told_apart(file: str, expected: str) -> None:
    assert detect_schema_format(described(file)) == expected


@pytest.mark.parametrize("content", [{"cwlVersion": "v1.2"}, {"$schema": "https://x/openapi"}, {"a": 1}, {}])
def test_other_formats_are_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="read"):
        detect_schema_format(content)


def test_biaflows_leaves_out_what_cytomine_left_over() -> None:
    workflow = parsed("biaflows-blobs.json")
    assert workflow["schema-version"] == "biomero-0.1"
    assert workflow["container-image"]["image"] == "example/w_blobcounting"
    shown = {name for name, entry in workflow["inputs"].items() if not entry["set-by-server"]}
    assert shown == {"radius", "threshold", "bright", "model", "suffix"}
    assert workflow["inputs"]["bright"]["command-line-flag"] == "--BRIGHT"
    assert workflow["inputs"]["model"]["value-choices"] == ["disc", "ring"]


@pytest.mark.parametrize(("default", "expected"), [(30, "integer"), (0.5, "float"), (None, "integer")])
def test_a_number_of_biaflows_is_what_its_default_is(default: float | None, expected: str) -> None:
    entry = {"id": "size", "type": "Number", "default-value": default}
    content = {"name": "x", "schema-version": "cytomine-0.1", "inputs": [entry]}
    (parameter,) = WorkflowDescriptorParser.parse_descriptor(content).inputs
    assert parameter.type == expected


def test_inputs_that_biomero_fills_are_no_fields_for_users() -> None:
    inputs = parsed("biomero-schema-spots.json")["inputs"]
    images = [entry for entry in inputs.values() if entry["type"] == "image"]
    assert images
    assert all(entry["set-by-server"] for entry in images)


def test_what_the_author_wrote_beside_stays() -> None:
    authored = described("biomero-schema-spots.json")
    workflow = parsed("biomero-schema-spots.json")
    for name in ("authors", "problem-class", "command-line", "schema-version"):
        if name in authored:
            assert workflow[name] == authored[name] or name == "authors"
    assert [a["name"] for a in workflow["authors"]] == [a["name"] for a in authored.get("authors", [])]


def test_bilayers_gives_files_to_attach_and_values_to_choose() -> None:
    workflow = parsed("bilayers-outlines.yaml")
    inputs = workflow["inputs"]
    assert workflow["schema-version"].startswith("bilayers")
    assert inputs["custom_model"]["file-attachment"]
    assert not inputs["images"]["file-attachment"]
    assert inputs["images"]["set-by-server"]
    assert inputs["save_dir"]["output-dir-set"]
    assert inputs["smooth"]["command-line-flag"] == "--smooth"
    assert inputs["channel"]["type"] == "string"
    assert inputs["channel"]["value-choices"] == [0, 1]
    assert inputs["channel"]["value-choices-labels"] == ["0", "RED"]
    assert inputs["diameter"]["type"] == "float"


def test_bilayers_needs_no_citations() -> None:
    content = {**described("bilayers-outlines.yaml"), "citations": []}
    workflow = WorkflowDescriptorParser.parse_descriptor(content, "outlines")
    assert workflow.citations[0].license == "unknown"


def test_an_adapter_of_ones_own_is_used() -> None:
    class Loud(BiaflowsSchemaAdapter):
        def adapt_to_biomero_schema(self, descriptor: Any, name: str | None = None) -> Any:
            return super().adapt_to_biomero_schema({**descriptor, "name": "LOUD"}, name)

    before = DescriptorParserFactory._adapters["BIAFLOWS"]
    DescriptorParserFactory.register_adapter("BIAFLOWS", Loud)
    try:
        assert WorkflowDescriptorParser.parse_descriptor(described("biaflows-blobs.json")).name == "LOUD"
    finally:
        DescriptorParserFactory.register_adapter("BIAFLOWS", before)


def test_classes_are_made_by_name() -> None:
    assert create_class_instance("decimal", "Decimal", "1.5") + 1 == 2.5


def test_omero_is_needed_only_when_it_is_called() -> None:
    # a machine that tests may have it
    program = (
        "import sys; sys.modules['omero'] = None\n"
        "from biomero.schema_parsers import convert_schema_type_to_omero\n"
        "try: convert_schema_type_to_omero('integer', 1, 'name', default=1)\n"
        "except ModuleNotFoundError as error: print(error.name)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("omero"), done.stderr
