"""The account's jobs, from what a real cluster answered."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from biomero.adapters.slurm.history import history, parse_history
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobState
from unit.adapters.slurm.recorded import VERSIONS, recorded


@pytest.mark.parametrize("version", VERSIONS)
def test_every_job_is_told_once_and_newest_first(version: str) -> None:
    jobs = parse_history(recorded(version, "history-mixed"), None)
    assert [job.job_id for job in jobs] == sorted((job.job_id for job in jobs), reverse=True)
    assert len({job.job_id for job in jobs}) == len(jobs)
    states = {job.name: job.state for job in jobs}
    assert states == {
        "array": JobState.RUNNING,
        "cancelled": JobState.CANCELLED,
        "ended-well": JobState.COMPLETED,
        "failed": JobState.FAILED,
        "held": JobState.PENDING,
        "later": JobState.PENDING,
        "refused-gres": JobState.FAILED,
        "refused-memory": JobState.FAILED,
        "requeued": JobState.PENDING,
        "too-big": JobState.OUT_OF_MEMORY,
    }
    assert all(job.folder.endswith(f"/recorded/{job.name}") for job in jobs)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_accounting_the_controller_s_word_counts(version: str) -> None:
    jobs = parse_history(recorded(version, "history-disabled"), None)
    assert [(job.name, job.state) for job in jobs] == [
        ("array", JobState.FAILED),
        ("ended-well", JobState.COMPLETED),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_only_what_was_asked_for_and_no_leftovers(version: str) -> None:
    text = recorded(version, "history-mixed")
    array = next(job.job_id for job in parse_history(text, None) if job.name == "array")
    assert [job.job_id for job in parse_history(text, [array])] == [array]
    # what accounting still calls running, while the controller does not know it any more
    account = "biomero:queue\nbiomero:account\n" + text.partition("biomero:account\n")[2]
    states = {job.name: job.state for job in parse_history(account, None)}
    assert "requeued" not in states
    assert states["array"] is JobState.FAILED  # of the tasks that are known to have ended
    assert parse_history("a login message\n", None) == []


def test_ids_and_days_are_arguments() -> None:
    asked = history(datetime(2025, 1, 31, tzinfo=UTC), [SlurmJobId(1), SlurmJobId(2)])
    assert asked.argv[-2:] == ("1,2", "2025-01-31")
    assert history(None, None).argv[-2:] == ("", "now-1days")
