"""What scripts do with what was filled in, at a worker's real socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biomero.application.doctor.findings import Finding, Level
from biomero.application.prepare_cluster import Outcome, PreparedItem
from biomero.application.run_request import RunRequest
from biomero.constants import CLEANUP, results, transfer, workflow, workflow_batched
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.entrypoints.omero_scripts.check_setup import check
from biomero.entrypoints.omero_scripts.follow import follow
from biomero.entrypoints.omero_scripts.init_environment import prepare
from biomero.entrypoints.omero_scripts.run_scripts import end_run, show_logs, show_runs
from biomero.entrypoints.omero_scripts.run_workflow import run_workflows
from biomero.entrypoints.omero_scripts.script import attempt
from biomero.testing.images import ArrayImage
from services.command import LEVELS, THRESHOLD
from services.fake_world import wait_until
from services.omero_lab import FakeScript, OmeroLab, follow_with_a_worker, order_of


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[OmeroLab]:
    made = OmeroLab.make(tmp_path)
    with made.answering():
        yield made
    made.world.services.record.close()


def filled_in(dataset: OmeroRef, **more: Any) -> dict[str, Any]:
    return {
        transfer.DATA_TYPE: "Dataset",
        transfer.IDS: [dataset.id],
        "threshold": True,
        workflow.OUTPUT_NEW_DATASET: workflow.NO,
        workflow.OUTPUT_RENAME: workflow.NO,
        workflow.OUTPUT_CREATE_ROIS: True,
        CLEANUP: True,
        **more,
    }


def runs_of(lab: OmeroLab) -> list[str]:
    return [str(run_id) for run_id in lab.world.services.record.ids()]


def run_it(lab: OmeroLab, script: FakeScript, *, is_batched: bool = False) -> bool:
    """Run the script, with a worker that takes up what it asks for."""
    return follow_with_a_worker(lab, script, partial(run_workflows, is_batched=is_batched))


def request_of(lab: OmeroLab) -> RunRequest:
    return RunRequest.from_json(lab.world.services.record.get(RunId(runs_of(lab)[-1])).request)


def test_a_run_is_followed_to_its_end_and_links_are_given(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif", "b.tif")
    script = FakeScript(filled_in(dataset, **{workflow.OUTPUT_NEW_DATASET: "my nuclei"}))
    assert run_it(lab, script)
    assert script.outputs[results.WORKFLOW_UUID_OUTPUT] == runs_of(lab)[0]
    assert "is done" in script.said[-1]
    made = OmeroRef.parse(script.outputs["Dataset"])
    assert lab.omero.store.things[made].name == "my nuclei"
    assert f"Dataset:{made.id}" in script.said[-1]
    again = FakeScript(script.inputs)
    assert run_it(lab, again)
    assert len(runs_of(lab)) == 1


def test_every_field_becomes_what_it_says(lab: OmeroLab) -> None:
    more = {
        workflow.OUTPUT_PARENT: True,
        workflow.OUTPUT_ATTACH: True,
        workflow.OUTPUT_NEW_DATASET: "new",
        workflow.OUTPUT_RENAME: "{original_file}_x.{ext}",
        workflow.OUTPUT_CSV_TABLE: True,
        workflow.OUTPUT_ATTACH_FILE_OUTPUTS: True,
        workflow.ROI_SHAPE: "Mask",
        workflow.ROI_COLOR: "#147eb3",
        workflow.ROI_LABEL_PATTERN: "*.tif",
        workflow.ROI_CLEAR_EXISTING: True,
        workflow.ROI_CLEAR_FILTER: "old",
        workflow.ROI_DELETE_LABEL_IMAGES: True,
        transfer.OME_VERSION: "0.4",
        CLEANUP: False,
        "threshold_|_level": 7,
        "threshold_|_behave": "well",
    }
    assert run_it(lab, FakeScript(filled_in(lab.dataset("first", "a.tif"), **more)))
    request = request_of(lab)
    assert request.omero is not None
    wishes = request.omero.wishes
    assert (wishes.archive, wishes.image_files, wishes.tables, wishes.files) == (True, True, True, True)
    assert (wishes.images, wishes.label_images, wishes.dataset_name) == (True, False, "new")
    assert wishes.name_pattern == "{original_file}_x.{ext}"
    assert wishes.rois is not None
    assert (wishes.rois.shape, wishes.rois.color, wishes.rois.clear) == ("mask", "147EB3", "old")
    assert wishes.rois.pattern == "*.tif"
    assert (request.zarr_version, request.keep, request.batch_size) == ("0.4", True, None)
    assert request.parameters == {"level": 7, "behave": "well"}
    attached = [t.name for t in lab.omero.store.things.values() if t.kind is OmeroKind.FILE]
    assert f"Threshold_{runs_of(lab)[0][:8]}.zip" in attached


@pytest.mark.parametrize("as_sent", [list, tuple, lambda ids: ids[0]], ids=["list", "tuple", "one"])
def test_attached_files_go_into_the_inputs_that_they_are_given_for(tmp_path: Path, as_sent: Any) -> None:
    lab = OmeroLab.make(tmp_path, levels=str(LEVELS))
    level = lab.omero.file("a.csv", b"100", owner=lab.ann, group=lab.group)
    sent = {"threshold": False, "levels": True, "levels_|_FILE_level": as_sent([level])}
    with lab.answering():
        script = FakeScript(filled_in(lab.dataset("first", "a.tif"), **sent, **{"levels_|_FILE_notes": []}))
        assert run_it(lab, script), script.said
    omero = request_of(lab).omero
    assert omero is not None
    assert {name: [one.file.id for one in files] for name, files in omero.files.items()} == {"level": [level]}
    lab.world.services.record.close()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "at levels_|_FILE_level"),
        ({"levels_|_FILE_level": []}, "at levels_|_FILE_level"),
        ({"levels_|_FILE_level": [987654]}, "'level': there is no FileAnnotation:987654"),
        ({"levels_|_FILE_level": [0]}, "'level'"),
        ({"levels_|_FILE_level": [1], "levels_|_FILE_model": [1]}, "at levels_|_FILE_model"),
    ],
    ids=["nothing", "empty", "unknown", "no-id", "no-input"],
)
def test_a_file_that_is_wrong_or_missing_is_named_by_its_field(
    tmp_path: Path, sent: dict[str, Any], said: str
) -> None:
    lab = OmeroLab.make(tmp_path, levels=str(LEVELS))
    with lab.answering():
        script = FakeScript(filled_in(lab.dataset("first", "a.tif"), threshold=False, levels=True, **sent))
        assert not attempt(script, lab.engine(), run_workflows)
    assert said in script.said[-1]
    assert not runs_of(lab)
    lab.world.services.record.close()


@pytest.mark.slow
def test_a_name_is_used_again_unless_duplicates_are_allowed(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif")
    there = lab.omero.container(OmeroKind.DATASET, "nuclei", owner=lab.ann, group=lab.group)
    found = []
    for number, more in enumerate(({}, {workflow.OUTPUT_DUPLICATES: True})):
        named = {workflow.OUTPUT_NEW_DATASET: "nuclei", **more}
        assert run_it(lab, FakeScript(filled_in(dataset, **named), job=str(number)))
        request = request_of(lab)
        assert request.omero is not None
        found.append(request.omero.wishes.dataset_id)
    assert found == [there.id, None]


@pytest.mark.slow
def test_results_of_a_plate_go_into_a_screen_that_is_linked(lab: OmeroLab) -> None:
    plate = lab.omero.container(OmeroKind.PLATE, "p", owner=lab.ann, group=lab.group)
    pixels = ArrayImage(np.zeros((64, 64), np.uint8), name="f1")
    well = lab.omero.well(plate, 0, 0)
    lab.omero.image("f1", pixels, owner=lab.ann, group=lab.group, parent=well)
    more = {workflow.OUTPUT_NEW_SCREEN: "results", transfer.DATA_TYPE: "Plate", transfer.IDS: [plate.id]}
    script = FakeScript(filled_in(plate, **more))
    assert run_it(lab, script)
    made = OmeroRef.parse(script.outputs["Screen"])
    assert lab.omero.store.things[made].name == "results"
    assert f"{made}, 1 plate, 1 image" in script.said[-1]
    first = OmeroRef.parse(script.outputs["Plate"])
    again = FakeScript({**script.inputs, results.OUTPUT_ATTACH_NEW_SCREEN_ID: made.id}, job="90")
    assert run_it(lab, again)
    assert again.outputs["Screen"] == str(made)
    second = OmeroRef.parse(again.outputs["Plate"])
    plates = lab.omero.store.of(OmeroKind.PLATE)
    assert {ref for ref, thing in plates.items() if thing.parent == made} == {first, second}
    assert f"1 plate, 1 image, 1 ROI on 1 image, at {made}" in again.said[-1]


def test_a_dataset_that_is_there_already_is_linked_too(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif")
    target = lab.dataset("target")
    named = filled_in(dataset, **{workflow.OUTPUT_NEW_DATASET: "target"})
    by_id = filled_in(dataset, **{results.OUTPUT_ATTACH_NEW_DATASET_ID: target.id})
    for job, inputs in enumerate((named, by_id)):
        script = FakeScript(inputs, job=str(job))
        assert run_it(lab, script), script.said
        assert script.outputs["Dataset"] == str(target)
        assert f", at {target}." in script.said[-1]


def test_images_that_got_rois_are_linked_and_of_many_their_dataset(lab: OmeroLab) -> None:
    few, many = lab.dataset("few", "a.tif", "b.tif"), lab.dataset("many", *(f"{n}.tif" for n in range(5)))
    script = FakeScript(filled_in(few))
    assert run_it(lab, script)
    images = [str(ref) for ref, t in lab.omero.store.of(OmeroKind.IMAGE).items() if t.parent == few]
    assert [script.outputs["Image"], script.outputs["Image_2"]] == images
    assert f"In OMERO: 2 ROIs on 2 images, at {', '.join(images)}." in script.said[-1]
    script = FakeScript(filled_in(many), job="90")
    assert run_it(lab, script)
    assert (script.outputs["Dataset"], "Image" in script.outputs) == (str(many), False)


def test_what_files_are_attached_to_is_linked(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif")
    script = FakeScript(
        filled_in(dataset, **{workflow.OUTPUT_CREATE_ROIS: False, workflow.OUTPUT_PARENT: True})
    )
    assert run_it(lab, script)
    assert script.outputs["Dataset"] == str(dataset)
    assert f"1 attachment, at {dataset}." in script.said[-1]


def test_batches_are_jobs_of_one_run(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif", "b.tif", "c.tif")
    script = FakeScript(filled_in(dataset, **{workflow_batched.BATCH_SIZE: 2}))
    assert run_it(lab, script, is_batched=True)
    assert len(runs_of(lab)) == 1
    assert request_of(lab).batch_size == 2


def test_several_workflows_are_several_runs(tmp_path: Path) -> None:
    lab = OmeroLab.make(tmp_path, second=str(THRESHOLD))
    with lab.answering():
        script = FakeScript(filled_in(lab.dataset("first", "a.tif"), second=True))
        done: list[bool] = []
        thread = threading.Thread(
            target=lambda: done.append(attempt(script, lab.engine(), run_workflows)), daemon=True
        )
        thread.start()
        wait_until(lambda: len(runs_of(lab)) == 2)
        for run_id in runs_of(lab):
            lab.drive(run_id)
        thread.join(timeout=60)
    assert done == [True]
    assert script.said[-1].count("is done") == 2
    lab.world.services.record.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threshold": False}, "No workflow was chosen"),
        ({"threshold_|_level": "high"}, "'level'"),
        ({"threshold_|_FILE_model": [5]}, "at threshold_|_FILE_model"),
        ({workflow.OUTPUT_NEW_SCREEN: "screen"}, "no image that was chosen is on a plate"),
        ({results.OUTPUT_ATTACH_NEW_DATASET_ID: 987654}, "no Dataset:987654"),
        ({workflow.OUTPUT_CREATE_ROIS: False}, "at least one output"),
        ({workflow.ROI_CLEAR_EXISTING: True}, workflow.ROI_CLEAR_FILTER),
        ({transfer.IDS: []}, "IDs"),
        ({transfer.IDS: [987654]}, "Dataset:987654"),
        ({transfer.DATA_TYPE: "Pizza"}, "Pizza"),
        ({"threshold_Version": "0.0"}, "open the form again"),
    ],
)
def test_what_is_wrong_is_a_sentence_that_names_the_field(
    lab: OmeroLab, change: dict[str, Any], said: str
) -> None:
    script = FakeScript({**filled_in(lab.dataset("first", "a.tif")), **change})
    assert not attempt(script, lab.engine(), run_workflows)
    assert said in script.said[-1]
    assert script.said[-1].endswith(".")
    assert runs_of(lab) == []


def test_without_the_engine_a_script_says_so(tmp_path: Path) -> None:
    lab = OmeroLab.make(tmp_path)
    for work in (run_workflows, show_runs, check):
        script = FakeScript({})
        assert not attempt(script, lab.engine(), work)
        assert "does not answer" in script.said[-1]
    lab.world.services.record.close()


def test_an_engine_that_goes_away_does_not_take_the_run_with_it(lab: OmeroLab) -> None:
    run = lab.engine().order(order_of(lab.dataset("first", "a.tif")))
    script = FakeScript()
    lab.identity.is_up = False
    assert not follow(script, lab.engine(), [run], sleep=lambda _: None, patience_s=0)
    assert f"The run itself goes on: {run['id']}" in script.said[-1]
    lab.identity.is_up = True
    lab.drive(run["id"])
    assert follow(script, lab.engine(), [lab.engine().run(run["id"])], sleep=lambda _: None)


def test_a_failed_run_is_told_as_one(lab: OmeroLab) -> None:
    lab.world.jobs.judge = lambda spec, _: 0 if "-conversion" in spec.key else 3
    script = FakeScript(filled_in(lab.dataset("first", "a.tif")))
    assert not run_it(lab, script)
    assert "Threshold failed" in script.said[-1]


def test_runs_are_shown_ended_and_their_logs_read(lab: OmeroLab) -> None:
    script = FakeScript({})
    assert show_runs(script, lab.engine())
    assert script.said[-1] == "You have no runs yet."
    run = lab.engine().order(order_of(lab.dataset("first", "a.tif")))
    named = FakeScript({results.WORKFLOW_UUID: run["id"][:8]})
    assert show_runs(named, lab.engine())
    assert "waits for a worker" in named.said[-1]
    assert show_logs(named, lab.engine())
    assert "no job has begun" in named.said[-1]
    assert end_run(named, lab.engine())
    assert "is being ended" in named.said[-1]
    lab.drive(run["id"])
    assert end_run(named, lab.engine())
    assert "had ended before" in named.said[-1]
    other = FakeScript({results.WORKFLOW_UUID: "$(reboot)"})
    assert not attempt(other, lab.engine(), end_run)
    assert "You have no run '$(reboot)'" in other.said[-1]


def test_a_check_says_what_helps(lab: OmeroLab) -> None:
    lab.findings = [
        Finding(code="b", level=Level.PROBLEM, subject="y", message="bad", remedy="mend it", cluster="c")
    ]
    script = FakeScript({})
    assert not check(script, lab.engine())
    assert "problem  c: y: bad" in script.said[-1]
    assert "mend it" in script.said[-1]


def test_administrators_have_clusters_ready_and_hear_what_could_not_be_had(lab: OmeroLab) -> None:
    script = FakeScript({})
    assert not attempt(script, lab.engine(), prepare)
    assert "Only administrators" in script.said[-1]
    lab.identity.sessions["root's"] = replace(lab.ann, is_admin=True)
    root = lab.engine("root's")
    assert not prepare(script, root, sleep=lambda _: time.sleep(0.01))
    assert script.said[-1] == "No connection to cluster."
    lab.prepared = [
        PreparedItem(kind="workflow", name="a", outcome=Outcome.MADE),
        PreparedItem(kind="workflow", name="b", outcome=Outcome.FAILED, detail="no such image"),
    ]
    assert not prepare(script, root, sleep=lambda _: time.sleep(0.01))
    assert script.said[-1] == "1 of 2 things that runs need are there.\nworkflow b: no such image"
    lab.prepared.pop()
    assert prepare(script, root, sleep=lambda _: time.sleep(0.01))
