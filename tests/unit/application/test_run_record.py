"""The record of runs in a real database file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.application.run_record import RunRecord
from biomero.application.tracking import WorkflowTracker
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import UnknownRunError


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/record.sqlite"


def opened(url: str) -> RunRecord:
    return RunRecord(
        WorkflowTracker(
            {"PERSISTENCE_MODULE": "biomero.adapters.persistence.event_store", "SQLALCHEMY_URL": url}
        )
    )


@pytest.fixture
def record(url: str) -> Iterator[RunRecord]:
    record = opened(url)
    yield record
    record.close()


def started(record: RunRecord, images: int = 2) -> RunId:
    return record.start(name="n", description="d", request={"images": [{"index": i} for i in range(images)]})


def test_what_one_process_writes_another_reads(record: RunRecord, url: str) -> None:
    run_id = started(record)
    other = opened(url)
    other.change(run_id, lambda run: run.request_cancel("somebody"))
    assert record.get(run_id).cancel_requested_by == "somebody"
    other.close()


def test_changes_at_the_same_time_are_all_kept(record: RunRecord, url: str) -> None:
    run_id = started(record, images=40)

    def fail_some(first: int) -> None:
        mine = opened(url)
        for index in range(first, 40, 4):
            mine.change(run_id, lambda run, i=index: run.fail_images({i: {"message": str(i)}}))  # type: ignore[misc] # mypy infers no type for a lambda's default
        mine.close()

    threads = [threading.Thread(target=fail_some, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(record.get(run_id).image_failures) == list(range(40))


def test_runs_are_listed_oldest_first_and_found_by_the_beginning_of_their_id(record: RunRecord) -> None:
    ids = [started(record) for _ in range(12)]
    assert record.ids() == ids
    assert record.find(ids[3]) == ids[3]
    assert record.find("last") == ids[-1]


def test_an_unknown_run_is_named(record: RunRecord) -> None:
    with pytest.raises(UnknownRunError, match="there is no run ffff"):
        record.find("ffff")
    with pytest.raises(UnknownRunError, match="nonsense"):
        record.get(RunId("nonsense"))


def test_the_moments_of_the_statuses_are_kept(record: RunRecord) -> None:
    run_id = started(record)

    def decide(run: WorkflowRun) -> None:
        run.advance(RunStatus.EXPORTING)
        run.advance(RunStatus.QUEUED)
        run.complete()

    record.change(run_id, decide)
    statuses = [status for status, _ in record.status_times(run_id)]
    assert statuses == [RunStatus.EXPORTING, RunStatus.QUEUED, RunStatus.DONE]
