"""What the log says of a run's jobs: at every step that is about one, which it is."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from biomero.application.engine.door import OpenDoor
from biomero.application.engine.engine import Engine, EngineSettings
from biomero.application.ports.run_queue import Claim, Move, QueueState, WorkerId
from biomero.application.projections.projection import job_task_id
from biomero.application.request_cancel import request_cancel
from biomero.domain.ids import JobKey, RunId
from biomero.entrypoints.worker.logs import fields_of
from services.fake_world import FakeWorld, at_work, state_of, wait_until

LOG = logging.getLogger("biomero.test")


class Fields(logging.Handler):
    """Keeps what each line is about, by the line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, list[dict[str, str]]] = defaultdict(list)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines[record.getMessage()].append(dict(fields_of(record)))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    made = FakeWorld.make(tmp_path)
    yield made
    made.services.record.close()


@pytest.fixture
def fields() -> Iterator[Fields]:
    handler, root = Fields(), logging.getLogger("biomero")
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@contextmanager
def working(world: FakeWorld) -> Iterator[None]:
    def ended(claim: Claim, _move: Move, _seconds: float) -> None:
        LOG.info("%s has ended", claim.step)

    services = world.services
    engine = Engine(
        services.queue,
        services.record,
        OpenDoor(services=services, cluster=world.cluster()),
        WorkerId(host="here/", pid=99, started=1),
        services.clock,
        settings=EngineSettings(tick_s=0.05, pulse_s=0.05, stop_within_s=5),
        on_step=ended,
    )
    with at_work(engine):
        yield


def ids_of(world: FakeWorld, run_id: RunId, step: str) -> dict[str, str]:
    """Return the ids of the job of a step, as the record has them."""
    jobs = world.services.record.get(run_id).jobs
    ((key, job),) = ((key, job) for key, job in jobs.items() if job["step"] == step)
    return {"run": run_id, "task": str(job_task_id(UUID(run_id), key)), "job": str(job["job"]["job_id"])}


def said(fields: Fields, line: str) -> dict[str, str]:
    (found,) = fields.lines[line]
    return {name: value for name, value in found.items() if name in {"run", "task", "job"}}


def test_each_step_that_is_about_a_job_names_it_and_no_other_does(world: FakeWorld, fields: Fields) -> None:
    run_id = world.order(*world.images(2))
    with working(world):
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    conversion, workflow = (ids_of(world, run_id, step) for step in ("conversion", "workflow"))
    for step in ("convert", "judge_conversion"):
        assert said(fields, f"{step} has ended") == conversion
    for step in ("analyse", "judge_analysis", "fetch"):
        assert said(fields, f"{step} has ended") == workflow
    for step in ("prepare", "stage", "deliver", "tidy"):
        assert said(fields, f"{step} has ended") == {"run": run_id}
    over = {line: about for line, about in fields.lines.items() if "is over" in line}
    assert len(over) == 2
    for job in (conversion, workflow):
        assert said(fields, f"job {job['job']} is over: COMPLETED") == job


def test_the_end_of_a_run_that_nobody_wants_names_the_job_that_was_ended(
    world: FakeWorld, fields: Fields
) -> None:
    run_id = world.order(*world.images(1))
    world.scheduler.hold(JobKey(f"biomero-{run_id}-workflow"))
    with working(world):
        wait_until(lambda: "analyse has ended" in fields.lines)
        request_cancel(run_id, world.services, requested_by="ada")
        wait_until(lambda: state_of(world, run_id) is QueueState.ENDED)
    assert said(fields, "judge_analysis has ended") == ids_of(world, run_id, "workflow")
