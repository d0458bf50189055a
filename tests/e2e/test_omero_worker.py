"""A worker that serves users of OMERO dies while results go there: all of it arrives, and once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.biologist import NAMES, Biologist, has_its_own_object, omero_variables
from services.command import LEVELS, THRESHOLD, User
from services.omero_server import OmeroServer
from services.processes import wait_until
from services.worker_process import WorkerProcess, has_status

pytestmark = [pytest.mark.omero, pytest.mark.slow, pytest.mark.timeout(900)]

_SAVES = ("IUpdate.saveAndReturnObject", "IUpdate.saveAndReturnArray", "IUpdate.saveAndReturnIds")


def saves(server: OmeroServer) -> int:
    return sum(server.calls(operation) for operation in _SAVES)


@pytest.fixture
def ann(tmp_path: Path, omero_server: OmeroServer) -> Biologist:
    shell = User(home=tmp_path, variables=omero_variables(omero_server, tmp_path))
    # the server is there for all tests of this file
    name = f"ann-{len(omero_server.rows('Experimenter'))}"
    return Biologist(omero_server, shell, "rwra--", name=name)


def test_a_worker_that_is_killed_while_it_brings_a_file_brings_it_whole(
    omero_server: OmeroServer, ann: Biologist
) -> None:
    image = ann.image("cell.tif", 5)
    content = b"n" * (20 << 20)
    level, note = ann.attach(image, ("level.txt", b"500"), ("note.txt", content))
    omero_server.slow("RawFileStore.read", 0.5, times=1000)
    left = ann.shell.biomero(
        "run", LEVELS, "--omero", f"Image:{image}", "--omero-user", ann.name, "--detach",
        "--to", "rois,files", "--python", sys.executable,
        "--input", f"level=FileAnnotation:{level}", "--input", f"notes=FileAnnotation:{note}",
    )  # fmt: skip
    assert left.code == 0, left.stderr
    run_id = left.stdout.strip()
    worker = WorkerProcess(ann.shell)
    try:
        for pieces in (2, 6):
            before = omero_server.calls("RawFileStore.read")
            worker.start()
            wait_until(
                lambda wanted=before + pieces: omero_server.calls("RawFileStore.read") >= wanted,  # type: ignore[misc] # mypy infers no type for a lambda's default
                "some of the file is here",
                timeout_s=120,
            )
            worker.kill()
            assert not has_status(ann.shell, run_id, "done", "failed")
        omero_server.ask("clear_faults")
        worker.start()
        wait_until(lambda: has_status(ann.shell, run_id, "done", "failed"), "the run ends", timeout_s=120)
    except TimeoutError as exc:
        raise TimeoutError(f"{exc}\n{worker.text[-6000:]}") from exc
    finally:
        worker.end()
        omero_server.ask("clear_faults")
    document = ann.shell.here("runs", "show", run_id, "--json").document
    assert document["status"] == "done", document["failure"]
    (seen,) = ann.sees([image]).values()
    assert has_its_own_object(seen, 5)
    read = next(row for row in omero_server.rows("OriginalFile") if row["name"] == "read.csv")
    assert read["size"] > len(content)


def test_a_worker_that_is_killed_again_and_again_while_it_imports_makes_each_object_once(
    omero_server: OmeroServer, ann: Biologist
) -> None:
    dataset, numbers = ann.dataset("first", NAMES, 0)
    left = ann.shell.biomero(
        "run", THRESHOLD, "--omero", f"Dataset:{dataset}", "--omero-user", ann.name, "--detach",
        "--to", "rois,labels,tables,files,overlays", "--python", sys.executable, "--param", "behave=tables",
    )  # fmt: skip
    assert left.code == 0, left.stderr
    run_id = left.stdout.strip()
    worker = WorkerProcess(ann.shell)
    try:
        for deaths in range(4):  # one more in a row, and the step would wait for a person
            worker.start()
            wait_until(
                lambda: has_status(ann.shell, run_id, "importing", "done"),
                "results go to OMERO",
                timeout_s=120,
            )
            before = saves(omero_server)
            wait_until(
                lambda wanted=before + 1 + 5 * deaths: (  # type: ignore[misc] # mypy infers no type for a lambda's default
                    saves(omero_server) >= wanted or has_status(ann.shell, run_id, "done")
                ),
                "some more objects are made",
                timeout_s=120,
            )
            worker.kill()
        worker.start()
        wait_until(lambda: has_status(ann.shell, run_id, "done"), "the run is done", timeout_s=120)
    except TimeoutError as exc:
        raise TimeoutError(f"{exc}\n{worker.text[-6000:]}") from exc
    finally:
        worker.end()
    for image, seen in ann.sees(list(numbers)).items():
        assert has_its_own_object(seen, numbers[image]), (image, seen)
        assert len(seen["tables"]) == 1
        assert len(seen["files"]) == len(set(seen["files"])) >= 1
        namespaces = [namespace for namespace, _ in seen["maps"]]
        assert namespaces.count("biomero/workflow") == 1
    made = [row for row in omero_server.rows("Image") if run_id in str(row["description"])]
    assert len(made) == len(NAMES)
