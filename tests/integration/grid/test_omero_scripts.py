"""Our scripts through Processor-0: real omero-py shows the form and runs them; a worker has the engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import biomero.entrypoints.omero_scripts.scripts as installed
from biomero.application.engine.door import OpenDoor
from biomero.application.engine.engine import Engine, EngineSettings
from biomero.application.engine.patience import Patience
from biomero.application.ports.run_queue import WorkerId
from biomero.application.run_request import RunRequest
from biomero.constants import CLEANUP, IMAGE_IMPORT_SCRIPT, results, transfer, workflow
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroKind
from biomero.domain.run_status import RunStatus
from biomero.entrypoints.omero_scripts.results_dialog import results_dialog
from biomero.entrypoints.omero_scripts.run_dialog import run_dialog
from biomero.entrypoints.omero_scripts.transfer_dialogs import (
    FILE_TRANSFER,
    IMAGE_TRANSFER,
    REMOTE_CONVERSION,
)
from services.command import LEVELS
from services.fake_world import at_work
from services.omero_grid import OmeroGrid
from services.omero_lab import OmeroLab, order_of
from services.omero_py import CURRENT
from services.omero_user import User
from services.processes import wait_until

pytestmark = pytest.mark.grid

SCRIPTS = Path(next(iter(installed.__path__)))
TYPES = {
    "Bool": "RBoolI",
    "Int": "RIntI",
    "Long": "RLongI",
    "Float": "RFloatI",
    "String": "RStringI",
    "List": "RListI",
}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[OmeroLab]:
    """Return a worker's socket, at which every session is ann's: the grid's own OMERO knows no images."""
    made = OmeroLab.make(tmp_path, levels=str(LEVELS))
    made.identity.otherwise = made.ann
    with made.answering():
        yield made
    made.world.services.record.close()


@pytest.fixture
def asking(grid: OmeroGrid, lab: OmeroLab) -> Iterator[User]:
    grid.restart_processor(CURRENT, BIOMERO_ENGINE_SOCKET=str(lab.socket))
    with grid.user() as user:
        yield user


@contextmanager
def working(lab: OmeroLab) -> Iterator[None]:
    """Have a worker."""
    world = lab.world
    engine = Engine(
        world.services.queue,
        world.services.record,
        OpenDoor(services=world.services, cluster=world.cluster()),
        WorkerId(host="here/", pid=99, started=1),
        world.services.clock,
        settings=EngineSettings(
            patience=Patience(first_s=0.05, longest_s=0.1, look_again_s=0.05, busy_s=0.3),
            tick_s=0.05,
            pulse_s=0.05,
            stop_within_s=5,
        ),
    )
    with at_work(engine):
        yield


def upload(user: User, name: str) -> int:
    return user.upload(name, (SCRIPTS / name).read_text())


def filled_in(lab: OmeroLab) -> dict[str, Any]:
    dataset = lab.dataset("first", "a.tif", "b.tif")
    return {
        transfer.DATA_TYPE: "Dataset",
        transfer.IDS: [dataset.id],
        "threshold": True,
        "threshold_|_note": "it's $(me)",
        workflow.OUTPUT_NEW_DATASET: "made by a script",
        workflow.OUTPUT_CREATE_ROIS: True,
        CLEANUP: True,
    }


def statuses(lab: OmeroLab) -> list[RunStatus]:
    record = lab.world.services.record
    return [record.get(RunId(run_id)).status for run_id in record.ids()]


def test_omero_shows_the_form_with_its_types(asking: User, lab: OmeroLab) -> None:
    shown = asking.parameters(upload(asking, "SLURM_Run_Workflow.py"))
    fields = run_dialog(lab.engine(""), script="x", is_batched=False).fields
    assert shown == {field.name: TYPES[field.kind.value] for field in fields}


def test_a_script_runs_a_workflow_to_its_end_and_gives_what_was_made(asking: User, lab: OmeroLab) -> None:
    script = upload(asking, "SLURM_Run_Workflow.py")
    with working(lab):
        run = asking.start(script, **filled_in(lab))
        code = run.wait()
    told = run.results()
    assert code == 0, told
    assert "is done" in told["Message"], told
    assert told[results.WORKFLOW_UUID_OUTPUT] == lab.world.services.record.ids()[0]
    assert statuses(lab) == [RunStatus.DONE]
    made = [str(ref) for ref, t in lab.omero.store.of(OmeroKind.DATASET).items() if t.key is not None]
    assert told["Dataset"] == made[0]
    assert made[0] in told["Message"]


def test_attached_files_go_into_a_workflow_that_needs_them(asking: User, lab: OmeroLab) -> None:
    script = upload(asking, "SLURM_Run_Workflow.py")
    level, *notes = (
        lab.omero.file(name, b"7", owner=lab.ann, group=lab.group) for name in ("level.csv", "a.txt", "a.txt")
    )
    files = {"levels_|_FILE_level": [level], "levels_|_FILE_notes": notes}
    with working(lab):
        run = asking.start(script, **{**filled_in(lab), "threshold": False, "levels": True, **files})
        code = run.wait()
        assert code == 0, run.results()
        forgotten = asking.start(script, **{**filled_in(lab), "threshold": False, "levels": True})
        assert forgotten.wait() == 1
        assert "levels_|_FILE_level" in forgotten.results()["Message"]
    (run_id,) = lab.world.services.record.ids()
    omero = RunRequest.from_json(lab.world.services.record.get(run_id).request).omero
    assert omero is not None
    assert {name: [one.file.id for one in chosen] for name, chosen in omero.files.items()} == {
        "level": [level],
        "notes": notes,
    }


def test_the_script_is_killed_and_the_run_goes_on_to_its_end(asking: User, lab: OmeroLab) -> None:
    script = upload(asking, "SLURM_Run_Workflow.py")
    may_go_on = threading.Event()

    def judge(_spec: object, _index: int | None) -> int:
        may_go_on.wait(60)
        return 0

    lab.world.jobs.judge = judge
    with working(lab):
        run = asking.start(script, **filled_in(lab))
        wait_until(lambda: bool(lab.world.services.record.ids()), "the run is asked for", timeout_s=60)
        run.kill()
        assert run.wait() != 0
        assert not statuses(lab)[0].is_final
        may_go_on.set()
        wait_until(lambda: statuses(lab) == [RunStatus.DONE], "the run ends", timeout_s=60)
    made = {ref for ref, thing in lab.omero.store.of(OmeroKind.ROI).items() if thing.key is not None}
    assert len(made) == 2


def test_the_script_of_an_import_is_killed_and_the_objects_arrive(asking: User, lab: OmeroLab) -> None:
    record, store = lab.world.services.record, lab.omero.store
    earlier = lab.engine().order(order_of(lab.dataset("first", "a.tif", "b.tif"), keep=True))["id"]
    assert lab.drive(earlier) is RunStatus.DONE
    inputs: dict[str, Any] = {
        results.WORKFLOW_UUID: earlier,
        results.OUTPUT_ATTACH_NEW_DATASET: True,
        results.OUTPUT_ATTACH_NEW_DATASET_NAME: "later",
    }
    run = asking.start(upload(asking, IMAGE_IMPORT_SCRIPT), **inputs)
    wait_until(lambda: len(record.ids()) == 2, "the import is asked for", timeout_s=60)
    run.kill()
    assert run.wait() != 0
    assert sorted(status.is_final for status in statuses(lab)) == [False, True]
    with working(lab):
        wait_until(lambda: statuses(lab) == [RunStatus.DONE] * 2, "the import ends", timeout_s=60)
    made = [thing for thing in store.things.values() if thing.key is not None]
    assert {str(thing.key.run_id) for thing in made if thing.key is not None} == {earlier}
    assert [thing.name for thing in made if thing.kind is OmeroKind.DATASET] == ["later"]
    assert sum(thing.kind is OmeroKind.IMAGE for thing in made) == 2


def test_the_other_scripts_have_forms_and_answer(asking: User) -> None:
    said = {}
    for name in ("SLURM_Get_Update.py", "SLURM_check_setup.py", "Tail_Logs.py", "Cancel_Run.py"):
        script = upload(asking, name)
        inputs: dict[str, Any] = {} if name.startswith("SLURM") else {results.WORKFLOW_UUID: "last"}
        run = asking.start(script, **inputs)
        run.wait()
        said[name] = run.results()["Message"]
    assert said["SLURM_Get_Update.py"] == "You have no runs yet."
    assert "0 problems" in said["SLURM_check_setup.py"]
    assert said["Tail_Logs.py"] == said["Cancel_Run.py"] == "You have no run 'last'."
    assert "Batch_Size" in asking.parameters(upload(asking, "SLURM_Run_Workflow_Batched.py"))


def test_scripts_about_results_and_images_have_forms_with_their_types_and_answer(
    asking: User, lab: OmeroLab
) -> None:
    forms = (results_dialog(IMAGE_IMPORT_SCRIPT), IMAGE_TRANSFER, REMOTE_CONVERSION, FILE_TRANSFER)
    scripts = {form.script: upload(asking, form.script) for form in forms}
    for form in forms:
        shown = asking.parameters(scripts[form.script])
        assert shown == {field.name: TYPES[field.kind.value] for field in form.fields}
    inputs: dict[str, Any] = {results.WORKFLOW_UUID: "last", results.OUTPUT_CREATE_ROIS: True}
    run = asking.start(scripts[IMAGE_IMPORT_SCRIPT], **inputs)
    assert run.wait() == 1
    assert run.results()["Message"] == "You have no run 'last'."
    inputs = {transfer.DATA_TYPE: "Dataset", transfer.IDS: [lab.dataset("first", "a.tif").id]}
    with working(lab):
        run = asking.start(scripts[IMAGE_TRANSFER.script], **inputs)
        assert run.wait() == 0, run.results()
    assert "What was sent is on local: " in run.results()["Message"]


def test_without_the_engine_the_form_and_the_script_say_so(grid: OmeroGrid) -> None:
    grid.restart_processor(CURRENT, BIOMERO_ENGINE_SOCKET="/nowhere/engine.sock")
    with grid.user() as user:
        script = upload(user, "SLURM_Run_Workflow.py")
        assert transfer.IDS in user.parameters(script)
        inputs: dict[str, Any] = {transfer.DATA_TYPE: "Image", transfer.IDS: [5]}
        run = user.start(script, **inputs)
        assert run.wait() == 1
        told = run.results()
    assert "does not answer" in told["Message"]
    assert "Traceback" not in told.get("stderr", "")
