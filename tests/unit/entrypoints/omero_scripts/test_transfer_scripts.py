"""The scripts that send images to a cluster and convert them there, at a worker's real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from biomero.constants import conversion, file_transfer, results, transfer
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroRef
from biomero.entrypoints.omero_scripts.script import attempt
from biomero.entrypoints.omero_scripts.transfer_dialogs import (
    FILE_TRANSFER,
    IMAGE_TRANSFER,
    REMOTE_CONVERSION,
)
from biomero.entrypoints.omero_scripts.transfer_scripts import convert, send, send_file
from biomero.errors import EngineRefusedError
from services.omero_lab import FakeScript, OmeroLab, follow_with_a_worker


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[OmeroLab]:
    made = OmeroLab.make(tmp_path)
    with made.answering():
        yield made
    made.world.services.record.close()


def filled_in(dataset: OmeroRef, **more: Any) -> dict[str, Any]:
    """Return the form as it opens, with what was chosen."""
    defaults = {field.name: field.default for field in IMAGE_TRANSFER.fields if field.default is not None}
    return {**defaults, transfer.DATA_TYPE: "Dataset", transfer.IDS: [dataset.id], **more}


def images_in(lab: OmeroLab, folder: str) -> list[str]:
    return sorted(path.name for path in (lab.world.folder / "data" / "images" / folder).iterdir())


def test_the_forms_have_keys_that_clients_know() -> None:
    known = {value for name, value in vars(transfer).items() if name.isupper()}
    assert {field.name for field in IMAGE_TRANSFER.fields} <= known
    assert {field.name for field in REMOTE_CONVERSION.fields} == {
        conversion.INPUT_DATA,
        conversion.SOURCE_FORMAT,
        conversion.TARGET_FORMAT,
    }
    keys = {value for name, value in vars(file_transfer).items() if name.isupper()}
    assert {field.name for field in FILE_TRANSFER.fields} == keys


def test_images_are_sent_and_converted_and_each_script_says_where_they_are(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif", "b.tif")
    script = FakeScript(filled_in(dataset, **{transfer.FOLDER: "my cells"}))
    assert follow_with_a_worker(lab, script, send), script.said
    where = lab.world.folder / "data" / "images" / "my cells"
    assert f"What was sent is on local: {where}. It stays there" in script.said[-1]
    sent = script.outputs[results.WORKFLOW_UUID_OUTPUT]
    assert RunId(sent) in lab.world.services.record.ids()
    again = FakeScript(script.inputs)
    assert follow_with_a_worker(lab, again, send)
    assert again.outputs == script.outputs
    for number, source in enumerate(("my cells", sent[:8])):
        inputs = {
            conversion.INPUT_DATA: source,
            conversion.SOURCE_FORMAT: "zarr",
            conversion.TARGET_FORMAT: "tiff",
        }
        other = FakeScript(inputs, job=f"{number}")
        assert follow_with_a_worker(lab, other, convert), other.said
        assert "Conversion is done" in other.said[-1]
    assert images_in(lab, "my cells") == ["a.ome.zarr", "a.tif", "b.ome.zarr", "b.tif"]


def test_images_are_sent_in_the_format_that_was_chosen_and_the_default_name_is_told_apart(
    lab: OmeroLab,
) -> None:
    dataset = lab.dataset("first", "a.tif")
    script = FakeScript(filled_in(dataset, **{transfer.FORMAT: transfer.FORMAT_OMETIFF}))
    assert follow_with_a_worker(lab, script, send), script.said
    assert images_in(lab, f"SLURM_IMAGES_{script.outputs[results.WORKFLOW_UUID_OUTPUT][:8]}") == ["a.tif"]


def test_a_file_is_sent_beside_the_images(lab: OmeroLab) -> None:
    script = FakeScript(filled_in(lab.dataset("first", "a.tif"), **{transfer.FOLDER: "cells"}))
    assert follow_with_a_worker(lab, script, send), script.said
    file = lab.omero.file("levels.csv", b"a,b\n", owner=lab.ann, group=lab.group)
    inputs = {
        file_transfer.FILE_ANNOTATION_ID: file,
        file_transfer.PARAM_SLOT: 2,
        file_transfer.FOLDER: "cells",
        file_transfer.FORMAT: "csv, .tsv",
    }
    other = FakeScript(inputs, job="90")
    assert follow_with_a_worker(lab, other, send_file), other.said
    assert "in/p2/levels.csv" in other.said[-1]
    assert images_in(lab, "cells") == ["a.ome.zarr", "p2"]
    for change, said in (
        ({file_transfer.FORMAT: "xlsx"}, file_transfer.FORMAT),
        ({file_transfer.PARAM_SLOT: -1}, file_transfer.PARAM_SLOT),
        ({file_transfer.FOLDER: ""}, file_transfer.FOLDER),
        ({file_transfer.FOLDER: "none"}, "no images on a cluster"),
        ({file_transfer.FILE_ANNOTATION_ID: None}, file_transfer.FILE_ANNOTATION_ID),
        ({file_transfer.FILE_ANNOTATION_ID: 98765}, "98765"),
    ):
        wrong = FakeScript({**inputs, **change}, job=said)
        assert not attempt(wrong, lab.engine(), send_file)
        assert said in wrong.said[-1]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({transfer.CHANNELS: True}, transfer.CHANNELS),
    ({transfer.MERGED: True}, transfer.MERGED),
    ({transfer.Z: transfer.Z_MAXPROJ}, transfer.Z),
    ({transfer.T_IDX: 3}, transfer.T_IDX),
    ({transfer.ZOOM: transfer.ZOOM_25}, transfer.ZOOM),
    ({transfer.FORMAT: transfer.FORMAT_TIFF}, transfer.FORMAT),
    ({transfer.OME_VERSION: transfer.OME_ZARR_VERSION_0_6}, transfer.OME_VERSION),
    ({transfer.FOLDER: "../up"}, transfer.FOLDER),
    ({transfer.IDS: []}, "(IDs)"),
    ({transfer.IDS: [98765]}, "Dataset:98765"),
]


@pytest.mark.parametrize(("change", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_not_offered_is_refused_and_the_field_is_named(
    lab: OmeroLab, change: dict[str, Any], said: str
) -> None:
    script = FakeScript({**filled_in(lab.dataset("first", "a.tif")), **change})
    assert not attempt(script, lab.engine(), send)
    assert said in script.said[-1]
    assert lab.world.services.record.ids() == []


def test_a_conversion_is_refused_where_there_is_nothing_to_convert(lab: OmeroLab) -> None:
    for inputs, said in (
        ({conversion.INPUT_DATA: "none"}, "no images on a cluster in a folder 'none'"),
        ({conversion.INPUT_DATA: ""}, conversion.INPUT_DATA),
        ({conversion.INPUT_DATA: "x", conversion.TARGET_FORMAT: "zarr"}, conversion.TARGET_FORMAT),
        ({conversion.INPUT_DATA: "x", conversion.PARENT_WORKFLOW_ID: "1"}, conversion.PARENT_WORKFLOW_ID),
    ):
        script = FakeScript(inputs)
        assert not attempt(script, lab.engine(), convert)
        assert said in script.said[-1]


def test_images_of_others_are_not_converted_and_hostile_requests_are_refused(lab: OmeroLab) -> None:
    script = FakeScript(filled_in(lab.dataset("first", "a.tif"), **{transfer.FOLDER: "mine"}))
    assert follow_with_a_worker(lab, script, send)
    lab.identity.sessions["bob's session"] = lab.omero.user("bob", lab.group)
    for page, wish, said in (
        ("conversions", {"key": "a", "source": "mine"}, "no images on a cluster"),
        ("conversions", {"key": "", "source": "mine"}, "no key"),
        ("conversions", {"key": "a", "source": "mine", "folder": "/etc"}, "'folder'"),
        ("files", {"key": "a", "source": "mine", "annotation_id": 5, "slot": "1"}, "no images on a cluster"),
        ("files", {"key": "a", "source": "mine", "annotation_id": "5"}, "annotation_id"),
        ("transfers", {"key": "", "chosen": ["Image:5"]}, "no key"),
        ("transfers", {"key": "a", "chosen": ["Roi:5"]}, "Roi:5"),
        ("transfers", {"key": "a", "chosen": ["Image:5"], "format": "png"}, "format"),
        ("transfers", {"key": "a", "chosen": ["Image:5"], "keep": True}, "'keep'"),
    ):
        with pytest.raises(EngineRefusedError) as caught:
            lab.engine("bob's session").ask("POST", f"/v1/{page}", wish)
        assert said in str(caught.value)
