"""The auditor's own teeth: what is planted, it finds; where nothing is, it says so."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from faults.audit_terms import Accepted
from faults.auditor import Auditor
from services.command import image_file

_TABLES = """
CREATE TABLE workflowtracker_events (
  id INTEGER PRIMARY KEY, originator_id BLOB, originator_version INTEGER, topic TEXT, state BLOB
);
CREATE TABLE engine_run (run_id BLOB, state TEXT, owner TEXT);
"""


@dataclass
class World:
    """What a run of two images leaves behind when all went well."""

    folder: Path
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    work: list[str] = field(default_factory=list)
    queue: tuple[str, str] | None = ("ended", "")
    accounted: dict[str, str] = field(default_factory=lambda: {"7": "COMPLETED"})

    def alive(self) -> dict[str, str]:
        return {}

    def jobs(self, key: str) -> dict[str, str]:
        return self.accounted if key == self.key else {}

    @property
    def key(self) -> str:
        return f"biomero-{self.run_id}-workflow"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def accepted(self) -> Accepted:
        images = tuple(self.folder / f"cell_{i}.tif" for i in range(2))
        return Accepted(run_id=self.run_id, images=images, results=self.results)

    def deliver(self, name: str, pixels: np.ndarray[Any, Any]) -> dict[str, str]:
        path = self.results / "labels" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, pixels)
        return {"path": f"labels/{name}", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}

    def found(self, accepted: Accepted | None = None) -> set[str]:
        self._write()
        auditor = Auditor(
            database=f"sqlite:///{self.folder}/record.sqlite",
            witness=self.folder / "witness",
            cluster_runs=self.folder / "cluster-runs",
            workspaces=self.folder / "workspaces",
            slurm=self,
        )
        report = auditor.audit([accepted or self.accepted()])
        return {finding.code for finding in report.findings}

    def _write(self) -> None:
        path = self.folder / "record.sqlite"
        with closing(sqlite3.connect(path)) as file, file:
            file.executescript(_TABLES)
            owner = uuid.UUID(self.run_id).bytes
            for version, (name, state) in enumerate(self.events, start=1):
                row = (
                    owner,
                    version,
                    f"biomero.eventsourcing:WorkflowRun.{name}",
                    json.dumps(state).encode(),
                )
                file.execute(
                    "INSERT INTO workflowtracker_events (originator_id, originator_version, topic, state) "
                    "VALUES (?, ?, ?, ?)",
                    row,
                )
            if self.queue is not None:
                file.execute("INSERT INTO engine_run VALUES (?, ?, ?)", (owner, *self.queue))
        (self.folder / "witness").write_text("".join(f"{line}\n" for line in self.work))


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    outputs = []
    for i in range(2):
        image = image_file(tmp_path / f"cell_{i}.tif", seed=i)
        labels = (tifffile.imread(image) > 100).astype(np.uint16)
        outputs.append(world.deliver(f"cell_{i}.ome.tif", labels))
    world.events = [
        ("WorkflowInitiated", {}),
        ("StatusChanged", {"status": "running"}),
        ("JobRequested", {"key": world.key}),
        ("JobSubmitted", {"key": world.key, "job": {"job_id": 7}}),
        ("OutputsDelivered", {"outputs": outputs}),
        ("WorkflowCompleted", {}),
        ("SessionCounted", {}),
    ]
    world.work = [f"{world.key}|7||0"]
    return world


def test_a_world_in_order_has_no_findings(world: World) -> None:
    assert world.found() == set()


def test_a_job_that_slurm_started_again_is_no_second_job(world: World) -> None:
    world.work.append(f"{world.key}|7||1")
    assert world.found() == set()


def test_a_job_that_failed_before_it_began_is_no_idle_job(world: World) -> None:
    key = f"{world.key}-0"
    world.events[2:2] = [
        ("JobRequested", {"key": key}),
        ("JobSubmitted", {"key": key, "job": {"job_id": 6}}),
        ("JobReported", {"key": key, "tasks": [{"state": "FAILED"}]}),
    ]
    assert world.found() == set()


def _plant_second_job(world: World) -> None:
    world.work.append(f"{world.key}|8||0")


def _plant_same_id_again(world: World) -> None:
    world.work.append(f"{world.key}|7||0")


def _plant_job_nobody_wanted(world: World) -> None:
    world.work.append(f"biomero-{world.run_id}-workflow-2|9||0")


def _plant_job_that_never_worked(world: World) -> None:
    world.accounted["8"] = "CANCELLED by 0"


def _plant_job_that_nobody_accounts_for(world: World) -> None:
    world.accounted = {"6": "COMPLETED"}


def _plant_end_without_reason(world: World) -> None:
    world.events[-2] = ("WorkflowFailed", {"error_message": "no"})


def _plant_reason_without_advice(world: World) -> None:
    failure = {"failure_class": "bug", "message": "no", "advice": ""}
    world.events[-2:] = [("FailureClassified", {"failure": failure}), ("WorkflowFailed", {})]


def _plant_image_without_reason(world: World) -> None:
    world.events.insert(3, ("ImagesFailed", {"failures": {"1": {}}}))


def _plant_idle_job(world: World) -> None:
    world.work.clear()


def _plant_lost_run(world: World) -> None:
    world.events.clear()
    world.queue = None


def _plant_stuck_run(world: World) -> None:
    del world.events[-2:]
    world.queue = ("waiting", "")


def _plant_second_end(world: World) -> None:
    world.events.append(("WorkflowFailed", {"failure": {}}))


def _plant_queue_row(world: World) -> None:
    world.queue = ("claimed", "host|1|2")


def _plant_copy(world: World) -> None:
    world.deliver("cell_0.1.ome.tif", np.zeros((64, 64), np.uint16))


def _plant_copy_of_another_batch(world: World) -> None:
    world.deliver("1/cell_0.ome.tif", np.zeros((64, 64), np.uint16))


def _plant_second_delivery(world: World) -> None:
    world.events.insert(5, ("OutputsDelivered", dict(world.events[4][1])))


def _plant_lost_output(world: World) -> None:
    (world.results / "labels" / "cell_1.ome.tif").unlink()


def _plant_exchanged_pixels(world: World) -> None:
    outputs = world.events[4][1]["outputs"]
    outputs[0] = world.deliver("cell_0.ome.tif", np.zeros((64, 64), np.uint16))


def _plant_half_file(world: World) -> None:
    (world.results / "labels" / "cell_1.ome.tif.part").write_bytes(b"II*")


def _plant_folder(world: World) -> None:
    (world.folder / "cluster-runs" / world.run_id).mkdir(parents=True)


@pytest.mark.parametrize(
    ("plant", "code"),
    [
        (_plant_second_job, "doubled-job"),
        (_plant_same_id_again, "doubled-job"),
        (_plant_job_nobody_wanted, "unknown-job"),
        (_plant_job_that_never_worked, "doubled-submission"),
        (_plant_job_that_nobody_accounts_for, "unaccounted-job"),
        (_plant_end_without_reason, "unexplained"),
        (_plant_reason_without_advice, "unexplained"),
        (_plant_image_without_reason, "unexplained"),
        (_plant_idle_job, "idle-job"),
        (_plant_lost_run, "lost-run"),
        (_plant_stuck_run, "stuck-run"),
        (_plant_second_end, "second-end"),
        (_plant_queue_row, "queue-row"),
        (_plant_copy, "doubled-output"),
        (_plant_copy_of_another_batch, "doubled-output"),
        (_plant_second_delivery, "doubled-output"),
        (_plant_lost_output, "lost-output"),
        (_plant_exchanged_pixels, "wrong-output"),
        (_plant_half_file, "half-file"),
        (_plant_folder, "left-over"),
    ],
)
def test_what_is_planted_is_found(world: World, plant: Callable[[World], None], code: str) -> None:
    plant(world)
    assert code in world.found()


def test_a_run_that_nobody_asked_for_is_found(world: World) -> None:
    stranger = replace(world.accepted(), run_id=str(uuid.uuid4()))
    assert world.found(stranger) == {"unasked", "lost-run"}


def test_another_end_than_the_right_one_is_found(world: World) -> None:
    wanted = replace(world.accepted(), may_end=frozenset({"cancelled"}))
    assert world.found(wanted) == {"wrong-end"}
