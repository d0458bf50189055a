"""The record through the client: views, switches, and a database that is down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from biomero import NoOpWorkflowTracker, WorkflowTracker
from biomero.errors import DatabaseUnavailableError
from biomero.slurm_client import SlurmClient


@pytest.fixture
def client(tmp_path: Path) -> Iterator[SlurmClient]:
    with SlurmClient(sqlalchemy_url=f"sqlite:///{tmp_path / 'record.sqlite'}") as opened:
        yield opened


def test_jobs_of_tasks_are_found_again(client: SlurmClient) -> None:
    run_id = client.workflowTracker.initiate_workflow("nuclei", "a test", 1, 2)
    assert isinstance(run_id, UUID)
    task_id = client.workflowTracker.add_task_to_workflow(run_id, "nuclei", "v1", "data", {"a": 1})
    assert task_id is not None
    client.workflowTracker.add_job_id(task_id, 12)
    assert client.jobAccounting.get_task_id(12) == task_id
    assert client.wfProgress.recorder.max_tracking_id(application_name="WorkflowTracker") is not None
    client.bring_listener_uptodate(client.wfProgress, start=1)


def test_only_the_wanted_views_are_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'record.sqlite'}"
    with SlurmClient(
        sqlalchemy_url=url, enable_job_accounting=False, enable_workflow_analytics=False
    ) as client:
        client.initialize_analytics_system(reset_tables=True)
        assert [view.name for view in client.get_listeners(None)] == ["JobProgress", "WorkflowProgress"]


def test_a_tracker_that_is_off_does_nothing() -> None:
    with SlurmClient(track_workflows=False) as client:
        assert isinstance(client.workflowTracker, NoOpWorkflowTracker)
        assert client._begin_task(None, "nuclei", "v1", "data", {}) == (None, None)
        assert client.jobAccounting.get_task_id(12) is None
        client.initialize_analytics_system(reset_tables=True)
        assert client.get_listeners(None) == []


def test_leaving_a_client_does_not_close_the_database_of_another(client: SlurmClient) -> None:
    tracker = client.workflowTracker
    assert isinstance(tracker, WorkflowTracker)
    with SlurmClient(sqlalchemy_url=client.sqlalchemy_url) as other:
        run_id = other.workflowTracker.initiate_workflow("other", "", 1, 1)
    assert run_id is not None
    assert tracker.repository.get(str(run_id)).name == "other"


def test_a_database_that_is_down_does_not_keep_a_job_from_running(caplog: pytest.LogCaptureFixture) -> None:
    with SlurmClient(sqlalchemy_url="postgresql://someone:secret@127.0.0.1:1/none") as client:
        with pytest.raises(DatabaseUnavailableError):
            _ = client.workflowTracker
        assert client._begin_task(None, "nuclei", "v1", "data", {}) == (None, None)
    assert "not tracked" in caplog.text
    assert "secret" not in caplog.text
