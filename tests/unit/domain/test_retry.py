"""Which failed jobs are tried again, and with what."""

from __future__ import annotations

import pytest

from biomero.domain.job import JobResources, JobState, JobUsage, TaskReport
from biomero.domain.retry import PREFLIGHT_EXIT_CODE, RetryPolicy, is_worth_retrying, next_resources

MORE = RetryPolicy(memory_factor=2, time_factor=1.5)


def task(
    state: JobState,
    *,
    code: int = 0,
    signal: int = 0,
    node: str | None = "n1",
    memory: float | None = None,
    seconds: int | None = None,
    reason: str = "",
) -> TaskReport:
    usage = JobUsage(elapsed_s=seconds, max_memory_mb=memory, node=node)
    return TaskReport(index=None, state=state, exit_code=code, signal=signal, reason=reason, usage=usage)


@pytest.mark.parametrize(
    ("failed", "asked", "wanted"),
    [
        (task(JobState.OUT_OF_MEMORY), JobResources(memory_mb=100), JobResources(memory_mb=200)),
        (task(JobState.FAILED, signal=125), JobResources(memory_mb=100), JobResources(memory_mb=200)),
        (
            task(JobState.FAILED, signal=9, memory=95),
            JobResources(memory_mb=100),
            JobResources(memory_mb=200),
        ),
        (
            task(JobState.OUT_OF_MEMORY),
            JobResources(extra={"mem-per-cpu": "2G", "wckey": "a"}),
            JobResources(extra={"mem-per-cpu": "4G", "wckey": "a"}),
        ),
        (task(JobState.OUT_OF_MEMORY, memory=99.5), JobResources(), JobResources(memory_mb=199)),
        (task(JobState.TIMEOUT), JobResources(time_limit_min=15), JobResources(time_limit_min=23)),
        (task(JobState.TIMEOUT, seconds=601), JobResources(cpus=2), JobResources(cpus=2, time_limit_min=17)),
        (task(JobState.NODE_FAIL), JobResources(exclude="n7"), JobResources(exclude="n7,n1")),
        (task(JobState.FAILED, code=PREFLIGHT_EXIT_CODE), JobResources(), JobResources(exclude="n1")),
        (task(JobState.FAILED, reason="JobLaunchFailure"), JobResources(), JobResources(exclude="n1")),
        (task(JobState.FAILED, signal=53), JobResources(), JobResources(exclude="n1")),
    ],
)
def test_a_failed_job_asks_for_what_it_lacked(
    failed: TaskReport, asked: JobResources, wanted: JobResources
) -> None:
    assert next_resources([failed], asked, MORE, attempt=1) == wanted


@pytest.mark.parametrize(
    ("failed", "asked"),
    [
        (task(JobState.COMPLETED), JobResources(memory_mb=100)),
        (task(JobState.FAILED, code=1), JobResources(memory_mb=100)),
        (task(JobState.FAILED, signal=9, memory=10), JobResources(memory_mb=100)),
        (task(JobState.CANCELLED), JobResources(memory_mb=100)),
        (task(JobState.OUT_OF_MEMORY), JobResources(memory_mb=0)),
        (task(JobState.OUT_OF_MEMORY), JobResources()),
        (task(JobState.TIMEOUT), JobResources()),
        (task(JobState.NODE_FAIL, node=None), JobResources(cpus=1)),
        (task(JobState.NODE_FAIL), JobResources(exclude="n1")),
    ],
)
def test_what_nothing_helps_against_is_not_tried_again(failed: TaskReport, asked: JobResources) -> None:
    assert next_resources([failed], asked, MORE, attempt=1) is None
    assert not is_worth_retrying(failed, asked, MORE, attempt=1)


def test_by_default_no_job_gets_more() -> None:
    asked = JobResources(memory_mb=100, time_limit_min=10)
    for state in (JobState.OUT_OF_MEMORY, JobState.TIMEOUT):
        assert next_resources([task(state)], asked, RetryPolicy(), attempt=1) is None


def test_it_comes_to_an_end() -> None:
    asked, starved = JobResources(memory_mb=100), task(JobState.OUT_OF_MEMORY)
    assert next_resources([starved], asked, MORE, attempt=2) == JobResources(memory_mb=200)
    assert next_resources([starved], asked, MORE, attempt=3) is None
    assert next_resources([task(JobState.NODE_FAIL)], asked, MORE, attempt=2) is None


def test_more_time_never_exceeds_the_partition() -> None:
    late = task(JobState.TIMEOUT)
    some = next_resources([late], JobResources(time_limit_min=50), MORE, attempt=1, longest_min=60)
    assert some == JobResources(time_limit_min=60)
    assert next_resources([late], JobResources(time_limit_min=60), MORE, attempt=1, longest_min=60) is None


def test_tasks_of_an_array_ask_together() -> None:
    failed = [
        task(JobState.OUT_OF_MEMORY),
        task(JobState.TIMEOUT),
        task(JobState.NODE_FAIL, node="n2"),
        task(JobState.NODE_FAIL, node="n3"),
        task(JobState.FAILED, code=1),
    ]
    asked = JobResources(memory_mb=100, time_limit_min=10)
    assert next_resources(failed, asked, MORE, attempt=1) == JobResources(
        memory_mb=200, time_limit_min=15, exclude="n2,n3"
    )
