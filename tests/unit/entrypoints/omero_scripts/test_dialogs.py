"""Forms: the keys that clients know, and each workflow's parameters with types, bounds and choices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from biomero import constants
from biomero.entrypoints.omero_scripts.dialog import Dialog, Kind
from biomero.entrypoints.omero_scripts.run_dialog import run_dialog
from services.command import LEVELS, REPOSITORY
from services.omero_lab import OmeroLab

GOLDEN = REPOSITORY / "tests" / "fixtures" / "omero_scripts"
PUBLISHED = {
    constants.transfer.DATA_TYPE,
    constants.transfer.IDS,
    constants.transfer.OME_VERSION,
    constants.results.OUTPUT_ATTACH_NEW_DATASET_ID,
    constants.results.OUTPUT_ATTACH_NEW_SCREEN_ID,
    *(value for name, value in vars(constants.workflow).items() if name.isupper() and name != "NO"),
}

ODD = {
    "name": "Odd ones",
    "description": "All kinds\nof parameters.",
    "schema-version": "biomero-0.1",
    "citations": [{"name": "BIOMERO", "license": "Apache-2.0"}],
    "container-image": {"image": "biomero/odd:1.0", "type": "oci"},
    "inputs": [
        {"id": "images", "type": "image", "name": "Images", "value-key": "[I]", "optional": False},
        {"id": "big", "type": "integer", "name": "Big", "default-value": 5_000_000_000, "optional": True},
        {"id": "share", "type": "float", "name": "Share", "default-value": 1, "optional": True},
        {"id": "number", "type": "Number", "name": "Number", "default-value": 2.5, "optional": True},
        {"id": "fast", "type": "boolean", "name": "Fast", "default-value": False, "optional": True},
        {"id": "radius", "type": "integer", "name": "Radius", "optional": False},
        {
            "id": "level",
            "type": "integer",
            "name": "Level",
            "default-value": 2,
            "optional": True,
            "value-choices": [1, 2, 3],
        },
    ],
    "outputs": [],
    "command-line": "odd",
}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[OmeroLab]:
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "descriptor.json").write_text(json.dumps(ODD))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "descriptor.json").write_text("[]")
    made = OmeroLab.make(tmp_path, odd=str(odd), broken=str(broken))
    with made.answering():
        yield made
    made.world.services.record.close()


def plain(dialog: Dialog) -> list[dict[str, object]]:
    """Return the fields of the workflow above, and those of all, without what changes with a commit."""
    shown = [
        {**asdict(f), "kind": f.kind.value, "values": list(f.values), "description": f.description}
        for f in dialog.fields
        if not f.grouping.startswith("1") or f.name.startswith("odd")
    ]
    for field in shown:
        if str(field["name"]).endswith("_Version"):
            field["default"] = field["values"] = "its version"
        field["grouping"] = str(field["grouping"]).partition(".")[2] or str(field["grouping"])[:1]
    return shown


@pytest.mark.parametrize("is_batched", [False, True])
def test_a_form_is_as_it_was(lab: OmeroLab, *, is_batched: bool) -> None:
    name = constants.RUN_WF_BATCHED_SCRIPT if is_batched else constants.RUN_WF_SCRIPT
    dialog = run_dialog(lab.engine(""), script=name, is_batched=is_batched)
    golden = GOLDEN / f"{Path(name).stem}.json"
    assert json.loads(golden.read_text()) == plain(dialog)
    assert "broken: " in dialog.description


def test_the_keys_are_those_that_clients_know(lab: OmeroLab) -> None:
    single = run_dialog(lab.engine(""), script="x", is_batched=False)
    batched = run_dialog(lab.engine(""), script="x", is_batched=True)
    names = [field.name for field in single.fields]
    assert {*names} >= {*PUBLISHED, constants.CLEANUP, "threshold", "threshold_Version", "threshold_|_level"}
    assert len(names) == len(set(names))
    assert {f.name for f in batched.fields} >= {*PUBLISHED, constants.workflow_batched.BATCH_SIZE}


def test_parameters_have_the_types_bounds_and_choices_of_their_descriptors(lab: OmeroLab) -> None:
    fields = {f.name: f for f in run_dialog(lab.engine(""), script="x", is_batched=False).fields}
    assert fields["odd_|_big"].kind is Kind.LONG
    assert (fields["odd_|_share"].kind, fields["odd_|_share"].default) == (Kind.FLOAT, 1.0)
    assert fields["odd_|_number"].kind is Kind.FLOAT
    assert fields["odd_|_fast"].kind is Kind.BOOL
    assert "Must be given" in fields["odd_|_radius"].description
    assert (fields["odd_|_level"].kind, fields["odd_|_level"].values) == (Kind.TEXT, ("1", "2", "3"))
    assert fields["odd"].description == "Odd ones: All kinds of parameters."


def test_inputs_for_files_are_offered_as_ids_of_file_annotations(tmp_path: Path) -> None:
    lab = OmeroLab.make(tmp_path, levels=str(LEVELS), measure=str(REPOSITORY / "workflows" / "measure"))
    with lab.answering():
        dialog = run_dialog(lab.engine(""), script="x", is_batched=False)
    fields = {f.name: f for f in dialog.fields}
    level, notes = fields["levels_|_FILE_level"], fields["levels_|_FILE_notes"]
    assert (level.kind, level.optional, level.default) == (Kind.IDS, True, None)
    expected = "A file with one number. Id of a file annotation (csv, txt). Must be given."
    assert level.description == expected
    assert notes.description == "Notes. Ids of file annotations."
    assert fields["measure_|_FILE_labels"].kind is Kind.IDS
    assert not [name for name in fields if name.startswith("threshold_|_FILE_")]
    assert "Not offered" not in dialog.description
    lab.world.services.record.close()


def test_without_the_engine_there_is_a_form_that_says_so(tmp_path: Path) -> None:
    lab = OmeroLab.make(tmp_path)
    dialog = run_dialog(lab.engine(""), script="x", is_batched=False)
    assert "does not answer" in dialog.description
    assert constants.transfer.IDS in {f.name for f in dialog.fields}
    lab.world.services.record.close()
