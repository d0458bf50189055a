"""The script that puts results into OMERO once more, at a worker's real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from biomero.application.run_request import RunRequest
from biomero.constants import IMAGE_IMPORT_SCRIPT, results
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.entrypoints.omero_scripts.get_results import get_results
from biomero.entrypoints.omero_scripts.results_dialog import results_dialog
from biomero.entrypoints.omero_scripts.script import attempt
from services.omero_lab import FakeScript, OmeroLab, follow_with_a_worker, order_of

NOT_OFFERED = {
    "ROI_TARGET_IMAGE_IDS",
    "TASK_ID",
    "LOG_FALLBACK_TARGET",
    "WORKFLOW_UUID_OUTPUT",
}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[OmeroLab]:
    made = OmeroLab.make(tmp_path)
    with made.answering():
        yield made
    made.world.services.record.close()


@pytest.fixture
def earlier(lab: OmeroLab) -> str:
    """Return a run that has ended and kept its files on the cluster."""
    run_id = str(lab.engine().order(order_of(lab.dataset("cells", "a.tif", "b.tif"), keep=True))["id"])
    assert lab.drive(run_id) is RunStatus.DONE
    return run_id


def filled_in(run: str, **more: Any) -> dict[str, Any]:
    return {results.WORKFLOW_UUID: run, results.OUTPUT_COMPLETED_JOB: True, **more}


def ask(lab: OmeroLab, inputs: dict[str, Any], *, job: str = "90") -> tuple[bool, FakeScript]:
    script = FakeScript(inputs, job=job)
    return follow_with_a_worker(lab, script, get_results), script


def wishes_of(lab: OmeroLab, script: FakeScript) -> Any:
    run_id = RunId(script.outputs[results.WORKFLOW_UUID_OUTPUT])
    request = RunRequest.from_json(lab.world.services.record.get(run_id).request)
    assert request.omero is not None
    return request.omero.wishes


def test_the_keys_are_those_that_clients_know() -> None:
    names = [field.name for field in results_dialog(IMAGE_IMPORT_SCRIPT).fields]
    published = {value for name, value in vars(results).items() if name.isupper() and name not in NOT_OFFERED}
    assert set(names) == published
    assert len(names) == len(set(names))


def test_a_dataset_is_made_and_given_and_the_same_script_again_is_the_same_import(
    lab: OmeroLab, earlier: str
) -> None:
    inputs = filled_in(
        earlier[:8],
        **{results.OUTPUT_ATTACH_NEW_DATASET: True, results.OUTPUT_ATTACH_NEW_DATASET_NAME: "later"},
    )
    is_well, script = ask(lab, inputs)
    assert is_well
    assert "Import of Threshold is done" in script.said[-1]
    made = OmeroRef.parse(script.outputs["Dataset"])
    assert lab.omero.store.things[made].name == "later"
    is_well, again = ask(lab, inputs)
    assert is_well
    assert again.outputs == script.outputs
    assert len(lab.world.services.record.ids()) == 2


def test_a_run_is_found_by_a_job_of_it_or_as_the_last(lab: OmeroLab, earlier: str) -> None:
    jobs = lab.world.services.record.get(RunId(earlier)).jobs.values()
    number = str(next(iter(jobs))["job"]["job_id"])
    wishes = {results.OUTPUT_CREATE_ROIS: True}
    is_well, script = ask(lab, filled_in("", **{results.OUTPUT_SLURM_JOB_ID: number, **wishes}))
    assert is_well, script.said
    other = FakeScript(filled_in("", **{results.OUTPUT_SLURM_JOB_ID: "9876", **wishes}), job="91")
    assert not attempt(other, lab.engine(), get_results)
    assert other.said == ["None of your runs had the job 9876."]


def test_every_field_becomes_what_it_says(lab: OmeroLab, earlier: str) -> None:
    project = lab.omero.container(OmeroKind.PROJECT, "p", owner=lab.ann, group=lab.group)
    target = lab.dataset("target")
    inputs = filled_in(
        earlier,
        **{
            results.OUTPUT_ATTACH_PROJECT: True,
            results.OUTPUT_ATTACH_PROJECT_ID: project.id,
            results.OUTPUT_ATTACH_OG_IMAGES: True,
            results.OUTPUT_ATTACH_NEW_DATASET: True,
            results.OUTPUT_ATTACH_NEW_DATASET_ID: target.id,
            results.OUTPUT_ATTACH_NEW_DATASET_RENAME: True,
            results.OUTPUT_ATTACH_NEW_DATASET_RENAME_NAME: "{original_file}_x.{ext}",
            results.IMPORT_ONLY_LABELS: True,
            results.OUTPUT_ATTACH_TABLE: True,
            results.OUTPUT_ATTACH_TABLE_DATASET: True,
            results.OUTPUT_ATTACH_TABLE_DATASET_ID: target.id,
            results.OUTPUT_ATTACH_FILE_OUTPUTS: True,
            results.OUTPUT_CREATE_ROIS: True,
            results.ROI_SHAPE: "Mask",
            results.ROI_NAME_PREFIX: "m",
            results.ROI_COLOR: "#147eb3",
            results.ROI_LABEL_PATTERN: "*.tif",
            results.ROI_CLEAR_EXISTING: True,
            results.ROI_CLEAR_FILTER: "old",
        },
    )
    is_well, script = ask(lab, inputs)
    assert is_well, script.said
    wishes = wishes_of(lab, script)
    assert (wishes.archive, wishes.archive_at) == (True, (str(project),))
    assert (wishes.tables, wishes.tables_at, wishes.files, wishes.files_at) == (
        True,
        (str(target),),
        True,
        (),
    )
    assert (wishes.images, wishes.label_images, wishes.dataset_id) == (False, True, target.id)
    assert (wishes.image_files, wishes.name_pattern) == (True, "{original_file}_x.{ext}")
    rois = wishes.rois
    assert (rois.shape, rois.name_prefix, rois.color) == ("mask", "m", "147EB3")
    assert (rois.pattern, rois.clear) == ("*.tif", "old")


def test_whether_it_may_be_written_is_only_looked_at_if_that_is_all_that_is_wished(
    lab: OmeroLab, earlier: str
) -> None:
    inputs = filled_in(
        earlier, **{results.OUTPUT_CREATE_ROIS: True, results.TEST_WRITE_PERMISSIONS_ONLY: True}
    )
    before = dict(lab.omero.store.things)
    script = FakeScript(inputs)
    assert attempt(script, lab.engine(), get_results)
    assert script.said == [f"Results of run {earlier[:8]} can be put into OMERO as you wish."]
    inputs[results.OUTPUT_ATTACH_TABLE_DATASET] = True
    inputs[results.OUTPUT_ATTACH_TABLE_DATASET_ID] = 98765
    assert not attempt(script, lab.engine(), get_results)
    assert "Dataset:98765" in script.said[-1]
    assert lab.omero.store.things == before
    assert len(lab.world.services.record.ids()) == 1


WRONG = [
    ({}, "at least one output"),
    ({results.WORKFLOW_UUID: "", results.OUTPUT_CREATE_ROIS: True}, results.WORKFLOW_UUID),
    ({results.WORKFLOW_UUID: "$(reboot)", results.OUTPUT_CREATE_ROIS: True}, "You have no run"),
    ({results.WORKFLOW_UUID: "", results.OUTPUT_SLURM_JOB_ID: "1;id"}, results.OUTPUT_SLURM_JOB_ID),
    ({results.OUTPUT_ATTACH_PROJECT: True}, "Project: say which project"),
    ({results.OUTPUT_ATTACH_NEW_DATASET: True}, results.OUTPUT_ATTACH_NEW_DATASET_NAME),
    ({results.OUTPUT_ATTACH_NEW_SCREEN: True}, results.OUTPUT_ATTACH_NEW_SCREEN_NAME),
    (
        {results.OUTPUT_ATTACH_NEW_SCREEN: True, results.OUTPUT_ATTACH_NEW_SCREEN_NAME: "s"},
        "no image that was chosen is on a plate",
    ),
    ({results.ROI_TARGET_IMAGE_IDS: "5"}, results.ROI_TARGET_IMAGE_IDS),
    ({results.OUTPUT_CREATE_ROIS: True, results.ROI_CLEAR_EXISTING: True}, results.ROI_CLEAR_FILTER),
    ({results.OUTPUT_CREATE_ROIS: True, results.ROI_COLOR: "red"}, "#RRGGBB"),
]


@pytest.mark.parametrize(("change", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_is_a_sentence_that_names_the_field(
    lab: OmeroLab, earlier: str, change: dict[str, Any], said: str
) -> None:
    script = FakeScript({**filled_in(earlier), **change})
    assert not attempt(script, lab.engine(), get_results)
    assert said in script.said[-1]
    assert len(lab.world.services.record.ids()) == 1


def test_results_of_others_are_nobody_else_s(lab: OmeroLab, earlier: str) -> None:
    lab.identity.sessions["bob's session"] = lab.omero.user("bob", lab.group)
    script = FakeScript(filled_in(earlier, **{results.OUTPUT_CREATE_ROIS: True}), session="bob's session")
    assert not attempt(script, lab.engine("bob's session"), get_results)
    assert "you have no run" in script.said[-1].lower()
    assert len(lab.world.services.record.ids()) == 1
