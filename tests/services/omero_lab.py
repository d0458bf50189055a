"""A user with images in an OMERO in memory, and a worker's socket to ask for runs at."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from biomero.application.doctor.findings import Finding
from biomero.application.drive_here import drive_here
from biomero.application.engine.patience import Patience
from biomero.application.ports.omero import TableColumn
from biomero.application.ports.progress import SilentListener
from biomero.application.prepare_cluster import PreparedItem, PrepareListener, PrepareUpdate
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.application.settings import WorkflowSettings
from biomero.bootstrap import open_catalogue
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroKind, OmeroRef, OmeroUser
from biomero.domain.run_status import RunStatus
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.omero_scripts.script import Work, attempt
from biomero.entrypoints.worker.api.handler import JsonHandler
from biomero.entrypoints.worker.api.preparation import Preparation
from biomero.entrypoints.worker.api.routes import EngineApi
from biomero.entrypoints.worker.api.socket_server import EngineSocket
from biomero.errors import ConnectionFailedError
from biomero.testing.images import ArrayImage
from biomero.testing.omero import FakeOmero
from biomero.testing.omero_identity import FakeIdentity
from services.command import THRESHOLD
from services.fake_world import FakeWorld, wait_until

SESSION = "0d8b9a5e-session-of-ann"


class NoTables:
    """Takes everything for a table with one column."""

    def read(self, path: Path) -> Sequence[TableColumn]:
        return [TableColumn(name="a", kind="string", values=path.read_text().split())]


@dataclass
class FakeScript:
    """A script that was filled in, and what it told."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    session: str = SESSION
    job: str = "89"
    said: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def give(self, name: str, text: str) -> None:
        self.outputs[name] = text

    def link(self, name: str, kind: str, number: int) -> None:
        self.outputs[name] = f"{kind}:{number}"


@dataclass
class OmeroLab:
    """A cluster of fakes, an OMERO in memory with the user ann, and the workflow ``threshold``."""

    world: FakeWorld
    omero: FakeOmero
    identity: FakeIdentity
    group: OmeroGroup
    ann: OmeroUser
    socket: Path
    findings: list[Finding] = field(default_factory=list)
    prepared: list[PreparedItem] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, **workflows: str) -> OmeroLab:
        world, omero = FakeWorld.make(folder), FakeOmero()
        group = omero.group("lab", GroupAccess.READ_ANNOTATE)
        ann = omero.user("ann", group)
        identity = FakeIdentity({SESSION: ann})
        known = {"threshold": str(THRESHOLD), **workflows}
        settings = replace(
            world.services.settings,
            workflows={name: WorkflowSettings(reference=place) for name, place in known.items()},
        )
        world.services = replace(
            world.services,
            settings=settings,
            workflows=open_catalogue(settings),
            omero=omero,
            identity=identity,
            tables=NoTables(),
        )
        return cls(
            world=world,
            omero=omero,
            identity=identity,
            group=group,
            ann=ann,
            socket=Path(tempfile.mkdtemp(prefix="biomero-")) / "engine" / "engine.sock",
        )

    def now(self) -> Services:
        return self.world.services

    def for_workflow(self, name: str) -> Services:  # noqa: ARG002 - all are the same here
        return self.world.services

    def for_run(self, request: RunRequest) -> Services:  # noqa: ARG002 - likewise
        return self.world.services

    def prepare(self, listener: PrepareListener) -> Sequence[PreparedItem]:
        listener(PrepareUpdate(kind="workflow", name="threshold", message="pulling", number=1, total=1))
        if not self.prepared:
            raise ConnectionFailedError("no connection to cluster")
        return self.prepared

    def engine(self, session: str = SESSION) -> Engine:
        return Engine(path=self.socket, session=session)

    @contextmanager
    def answering(self) -> Iterator[OmeroLab]:
        """Serve the socket."""
        api = EngineApi(self, lambda: self.findings, Preparation(self.prepare))
        try:
            with EngineSocket(self.socket, type("_Bound", (JsonHandler,), {"api": api})):
                yield self
        finally:
            shutil.rmtree(self.socket.parent.parent, ignore_errors=True)

    def dataset(self, name: str, *images: str) -> OmeroRef:
        dataset = self.omero.container(OmeroKind.DATASET, name, owner=self.ann, group=self.group)
        for image in images:
            pixels = ArrayImage(np.zeros((64, 64), np.uint8), name=image)
            self.omero.image(image, pixels, owner=self.ann, group=self.group, parent=dataset)
        return dataset

    def drive(self, run_id: str) -> RunStatus:
        patience = Patience(first_s=0.01, longest_s=0.02, look_again_s=0.01, retries_while_away=0)
        run = drive_here(
            RunId(run_id), self.world.services, self.world.cluster(), SilentListener(), patience=patience
        )
        return run.status


def order_of(*chosen: OmeroRef, key: str = "script 89: threshold", **more: Any) -> dict[str, Any]:
    """Return a good order, with changes."""
    return {
        "key": key,
        "workflow": "threshold",
        "chosen": [str(ref) for ref in chosen],
        "wishes": {"rois": {}},
        **more,
    }


def follow_with_a_worker(lab: OmeroLab, script: FakeScript, work: Work) -> bool:
    """Run a script, with a worker that takes up what it asks for; say what the script says."""
    outcome: list[bool] = []
    record = lab.world.services.record
    before = set(record.ids())
    thread = threading.Thread(
        target=lambda: outcome.append(attempt(script, lab.engine(script.session), work))
    )
    thread.start()
    wait_until(lambda: bool(set(record.ids()) - before) or not thread.is_alive())
    for run_id in record.ids():
        lab.drive(str(run_id))
    thread.join(timeout=60)
    assert not thread.is_alive()
    return outcome[0]
