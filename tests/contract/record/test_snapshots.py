"""Long histories: what they came to is kept, and is as good as folding them again."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from biomero.adapters.persistence.snapshot_recorder import SNAPSHOTS
from biomero.application.run_record import RunRecord
from biomero.application.run_repository import SNAPSHOT_AFTER
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.domain.ids import RunId
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun
from contract.record.conftest import Opener
from services.views import engine_of


def tracker_of(tracking: Tracking) -> WorkflowTracker:
    assert isinstance(tracking.tracker, WorkflowTracker)
    return tracking.tracker


def snapshots(tracking: Tracking) -> list[tuple[UUID, int]]:
    with engine_of(tracking).connect() as connection:
        if not sa.inspect(connection).has_table(SNAPSHOTS.name):
            return []
        columns = SNAPSHOTS.c
        return [
            tuple(row)
            for row in connection.execute(sa.select(columns.originator_id, columns.originator_version))
        ]


def a_long_task(tracker: WorkflowTracker, looks: int) -> UUID:
    """Record a task at which BIOMERO 2 looked again and again."""
    task = Task(workflow_id=uuid4(), task_name="cellpose", task_version="1", input_data={"a": [1]}, params={})
    task.add_job_id(7)
    for look in range(looks):
        task._update_status(status=("PENDING", "RUNNING")[look % 2])
    tracker.save(task)
    return task.id


def test_a_long_task_is_read_from_its_snapshot_and_what_came_after(opened: Opener) -> None:
    task_id = a_long_task(tracker_of(opened()), 2 * SNAPSHOT_AFTER)
    assert snapshots(opened()) == []
    first = tracker_of(opened()).repository.get(task_id)
    assert snapshots(opened()) == [(task_id, first.version)]
    tracker_of(opened()).complete_task(task_id, "done")
    later = opened()
    read = tracker_of(later).repository.get(task_id)
    assert (read.status, read.job_ids, read.result_message) == ("COMPLETED", [7], "done")
    # every event once more, without any snapshot
    whole = None
    for event in tracker_of(later).events.get(task_id):
        whole = event.mutate(whole)  # type: ignore[attr-defined] # all events of ours can
    assert vars(read) == vars(whole)


def test_a_short_task_has_none(opened: Opener) -> None:
    task_id = a_long_task(tracker_of(opened()), SNAPSHOT_AFTER // 2)
    tracker_of(opened()).repository.get(task_id)
    assert snapshots(opened()) == []


def test_a_snapshot_of_another_release_is_not_believed(opened: Opener) -> None:
    task_id = a_long_task(tracker_of(opened()), SNAPSHOT_AFTER)
    tracker_of(opened()).repository.get(task_id)
    tracking = opened()
    with engine_of(tracking).begin() as connection:
        old = b'{"made_by": "2.9", "state": {"status": "WRONG"}}'
        connection.execute(sa.update(SNAPSHOTS).values(state=old))
    assert tracker_of(tracking).repository.get(task_id).status == "RUNNING"


def test_a_run_of_our_engine_comes_back_whole(opened: Opener) -> None:
    record = RunRecord(tracker_of(opened()))
    images = [{"index": index} for index in range(3)]
    run_id = record.start(name="n", description="d", request={"images": images})

    def count_many(run: WorkflowRun) -> None:
        for number in range(SNAPSHOT_AFTER):
            run.count_session({"~": number})

    def go_on(run_id: RunId) -> None:
        record.change(run_id, lambda run: run.advance(RunStatus.RUNNING))
        record.change(run_id, lambda run: run.add_task(uuid4()))
        record.change(run_id, lambda run: run.advance_images([0, 1], ImageStage.STAGED))
        record.change(run_id, lambda run: run.fail_images({2: {"message": "no"}}))
        record.change(run_id, lambda run: run.hash_image(1, "ab"))
        record.change(run_id, count_many)

    go_on(run_id)
    whole = tracker_of(opened()).repository.get(run_id)
    tracking = opened()
    assert snapshots(tracking) == [(UUID(run_id), whole.version)]
    assert vars(tracker_of(tracking).repository.get(run_id)) == vars(whole)
    assert whole.stages[0] is ImageStage.STAGED


def test_whoever_may_only_read_reads_long_tasks_too(opened: Opener) -> None:
    task_id = a_long_task(tracker_of(opened()), SNAPSHOT_AFTER)
    tracking = opened()
    engine = engine_of(tracking)
    is_sqlite = engine.dialect.name == "sqlite"

    @sa.event.listens_for(engine, "connect")
    def only_read(connection: Any, _record: object) -> None:
        forbid = "PRAGMA query_only = 1" if is_sqlite else "SET default_transaction_read_only = on"
        connection.execute(forbid)
        connection.commit()

    engine.dispose()
    assert tracker_of(tracking).repository.get(task_id).status == "RUNNING"
    assert snapshots(tracking) == []
