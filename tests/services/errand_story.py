"""A user of OMERO whose scripts ask a worker for results once more, and for images on its cluster."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from biomero.adapters.omero.login import new_client
from biomero.application.settings import OmeroSettings
from biomero.constants import conversion, file_transfer, results, transfer
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.omero_scripts.get_results import get_results
from biomero.entrypoints.omero_scripts.script import Work, attempt
from biomero.entrypoints.omero_scripts.transfer_scripts import convert, send, send_file
from services.biologist import NAMES, Biologist, has_its_own_object
from services.command import THRESHOLD
from services.omero_lab import FakeScript
from services.omero_server import PASSWORD
from services.processes import wait_until
from services.worker_process import WorkerProcess, has_status

_WITHIN_S = 400.0


@contextmanager
def session_of(ann: Biologist) -> Iterator[str]:
    """Return a session of OMERO, as a script has one."""
    settings = OmeroSettings(
        host=ann.server.host, port=ann.server.tls_port, user=ann.name, password=PASSWORD, is_sudo=False
    )
    client = new_client(settings, "the test server")
    client.createSession(ann.name, PASSWORD)
    try:
        yield str(client.getSessionId())
    finally:
        import Ice  # noqa: PLC0415 - an extra, and not everywhere

        with suppress(Ice.Exception):
            client.closeSession()


@contextmanager
def short_path() -> Iterator[Path]:
    """Return a place for a socket, whose path may not be long."""
    with tempfile.TemporaryDirectory(prefix="biomero-") as folder:
        yield Path(folder, "engine", "engine.sock")


def tell_the_story(ann: Biologist, worker: WorkerProcess, socket: Path) -> None:
    """Have a run's results imported otherwise, and images sent, converted, and given a file."""
    with session_of(ann) as session:
        asker = _Asker(Engine(path=socket, session=session), session)
        dataset, numbers = ann.dataset("first", NAMES[:3], 0)
        _import(ann, asker, dataset, numbers, worker)
        _transfer(ann, asker, dataset, next(iter(numbers)), worker)
        assert session not in worker.text


class _Asker:
    """Runs scripts."""

    def __init__(self, engine: Engine, session: str) -> None:
        self._engine = engine
        self._session = session
        self._count = 0

    def __call__(self, work: Work, inputs: dict[str, Any], worker: WorkerProcess) -> FakeScript:
        self._count += 1
        script = FakeScript(inputs, session=self._session, job=f"{self._count}")
        assert attempt(script, self._engine, work), (script.said, worker.text[-4000:])
        return script


def _import(
    ann: Biologist, asker: _Asker, dataset: int, numbers: dict[int, int], worker: WorkerProcess
) -> None:
    left = ann.shell.biomero(
        "run", THRESHOLD, "--omero", f"Dataset:{dataset}", "--omero-user", ann.name, "--detach",
        "--to", "files", "--runtime", "process", "--keep", *ann.shell.cluster,
    )  # fmt: skip
    assert left.code == 0, left.stderr
    run_id = left.stdout.strip()
    wait_until(
        lambda: has_status(ann.shell, run_id, "done", "failed", "paused"), "the run ends", timeout_s=_WITHIN_S
    )
    document = ann.shell.here("runs", "show", run_id, "--json").document
    assert document["status"] == "done", (document["failure"], document["images"])
    project = ann.server.add_container("Project", "p", owner=ann.name, group=ann.group)
    inputs = {
        results.WORKFLOW_UUID: run_id,
        results.OUTPUT_ATTACH_PROJECT: True,
        results.OUTPUT_ATTACH_PROJECT_ID: project,
        results.OUTPUT_CREATE_ROIS: True,
        results.OUTPUT_ATTACH_NEW_DATASET: True,
        results.OUTPUT_ATTACH_NEW_DATASET_NAME: "once more",
    }
    for _ in range(2):  # another script, the same wishes: nothing is added
        script = asker(get_results, inputs, worker)
        assert "Import of Threshold is done" in script.said[-1]
        for image, seen in ann.sees(list(numbers)).items():
            assert has_its_own_object(seen, numbers[image]), (image, seen)
        made = [row for row in ann.server.rows("Dataset") if row["name"] == "once more"]
        assert len(made) == 1
        links = [row for row in ann.server.rows("ProjectAnnotationLink") if row["parent"] == project]
        # the ZIP file, and three maps that say where it comes from
        assert len(links) == 4, links
        described = [row for row in ann.server.rows("Image") if run_id in str(row["description"])]
        assert len(described) == len(numbers)


def _transfer(ann: Biologist, asker: _Asker, dataset: int, image: int, worker: WorkerProcess) -> None:
    name = f"my cells {secrets.token_hex(4)}"  # the cluster's disk outlives the tests
    inputs = {transfer.DATA_TYPE: "Dataset", transfer.IDS: [dataset], transfer.FOLDER: name}
    sent = asker(send, inputs, worker)
    folder = Path("/" + sent.said[-1].split(": /", 1)[1].split(". It stays")[0])
    zarrs = sorted(path.name for path in folder.iterdir())
    assert [name for name in zarrs if name.endswith(".ome.zarr")] == zarrs
    assert len(zarrs) == 3
    asker(convert, {conversion.INPUT_DATA: name}, worker)
    assert len(list(folder.glob("*.tif"))) == 3
    (file,) = ann.attach(image, ("levels.csv", b"a,b\n"))
    wish = {
        file_transfer.FILE_ANNOTATION_ID: file,
        file_transfer.PARAM_SLOT: 3,
        file_transfer.FOLDER: name,
        file_transfer.FORMAT: "csv",
    }
    asker(send_file, wish, worker)
    assert (folder / "p3" / "levels.csv").read_bytes() == b"a,b\n"
