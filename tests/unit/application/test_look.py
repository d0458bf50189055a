"""What a look at the cluster means for a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from biomero.application.engine.look import UNKNOWN_LOOKS, fingerprint, judge, update_of
from biomero.application.ports.run_queue import WaitingRun
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobState, JobUsage, TaskReport
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun

RUN = RunId("5d1b0f2e-6f0c-4f57-8f0e-0a6e8a1d2c3b")
KEY = JobKey(f"biomero-{RUN}-workflow")
JOB = JobRef(key=KEY, job_id=SlurmJobId(11), folder="/runs/one")
WAITING = WaitingRun(run_id=RUN, job=JOB, since=datetime(2026, 1, 1, tzinfo=UTC))


def report(*tasks: TaskReport, missing: tuple[int, ...] = ()) -> JobReport:
    return JobReport(job_id=JOB.job_id, tasks=tasks, missing_tasks=missing)


def task(state: JobState, reason: str = "", index: int | None = None) -> TaskReport:
    return TaskReport(index=index, state=state, reason=reason)


def run(step: str = "workflow") -> WorkflowRun:
    made = WorkflowRun(name="w", description="", user=None, group=None)
    made.advance(RunStatus.QUEUED)
    made.request_job(KEY, step)
    made.submit_job(KEY, {"key": KEY, "job_id": 11, "folder": "/runs/one", "array_size": None})
    made.collect_events()
    return made


def test_the_first_look_is_news_and_the_same_look_again_is_none() -> None:
    found = report(task(JobState.PENDING, "Priority"))
    news = judge(WAITING, found)
    assert news is not None
    assert not news.is_over
    assert judge(replace(WAITING, seen=news.seen), found) is None


def test_another_reason_is_news_and_usage_is_not() -> None:
    waits, held = report(task(JobState.PENDING, "Priority")), report(task(JobState.PENDING, "JobHeldUser"))
    assert fingerprint(waits) != fingerprint(held)
    runs = report(task(JobState.RUNNING))
    used = report(replace(task(JobState.RUNNING), usage=JobUsage(elapsed_s=9)))
    assert fingerprint(runs) == fingerprint(used)


def test_an_end_is_over_with_what_was_used() -> None:
    ended = replace(task(JobState.COMPLETED), exit_code=0, signal=0, usage=JobUsage(elapsed_s=9))
    news = judge(replace(WAITING, seen=fingerprint(report(ended))), report(ended))
    assert news is not None
    assert news.is_over
    assert news.decide is not None
    of = run()
    news.decide(of)
    assert of.jobs[KEY]["tasks"][0]["usage"]["elapsed_s"] == 9


def test_an_array_is_over_when_every_task_is() -> None:
    some = report(task(JobState.COMPLETED, index=0), task(JobState.RUNNING, index=1))
    news = judge(WAITING, some)
    assert news is not None
    assert not news.is_over


def test_a_job_that_nobody_knows_is_lost_only_after_many_answers() -> None:
    waiting = WAITING
    for look in range(1, UNKNOWN_LOOKS + 1):
        news = judge(waiting, None)
        assert news is not None
        assert (news.unknown_looks, news.is_over, news.decide) == (look, look == UNKNOWN_LOOKS, None)
        waiting = replace(waiting, unknown_looks=look)


def test_a_look_too_soon_after_the_last_does_not_count() -> None:
    assert judge(replace(WAITING, unknown_looks=3), None, counts=False) is None


def test_a_job_that_is_known_again_is_not_lost() -> None:
    found = report(task(JobState.RUNNING))
    news = judge(replace(WAITING, seen=fingerprint(found), unknown_looks=9), found)
    assert news is not None
    assert (news.unknown_looks, news.is_over) == (0, False)


def test_tasks_that_nobody_knows_count_when_all_others_have_ended() -> None:
    ended = report(task(JobState.COMPLETED, index=0), missing=(1,))
    news = judge(replace(WAITING, unknown_looks=UNKNOWN_LOOKS - 1, seen=fingerprint(ended)), ended)
    assert news is not None
    assert news.is_over
    runs = report(task(JobState.RUNNING, index=0), missing=(1,))
    assert judge(replace(WAITING, seen=fingerprint(runs)), runs) is None


def test_people_are_told_why_a_job_is_waited_for_that_nobody_in_slurm_knows() -> None:
    found = report(task(JobState.RUNNING, "Slurm does not know job 11 any more"))
    assert update_of(RUN, KEY, found).message == "job 11 RUNNING: Slurm does not know job 11 any more"


@pytest.mark.parametrize(
    ("state", "step", "status"),
    [
        (JobState.PENDING, "workflow", RunStatus.QUEUED),
        (JobState.RUNNING, "workflow", RunStatus.RUNNING),
        (JobState.RUNNING, "conversion", RunStatus.QUEUED),
    ],
)
def test_the_run_follows_the_job_of_its_workflow(state: JobState, step: str, status: RunStatus) -> None:
    news, of = judge(WAITING, report(task(state))), run(step)
    assert news is not None
    assert news.decide is not None
    news.decide(of)
    assert of.status is status
    assert [e for e in of.collect_events() if isinstance(e, WorkflowRun.JobReported)]
    news.decide(of)
    assert not of.collect_events()


def test_a_paused_run_stays_paused_whatever_its_job_does() -> None:
    news, of = judge(WAITING, report(task(JobState.RUNNING))), run()
    of.pause({"message": "by hand"})
    assert news is not None
    assert news.decide is not None
    news.decide(of)
    assert of.status is RunStatus.PAUSED


def test_people_read_the_state_the_reason_and_the_place_in_the_queue() -> None:
    waits = replace(report(task(JobState.PENDING, "Priority")), queue_position=4)
    update = update_of(RUN, KEY, waits)
    assert (update.status, update.message) == (
        RunStatus.QUEUED,
        "job 11 PENDING: Priority, number 4 in the queue",
    )
    conversion = update_of(RUN, JobKey(f"biomero-{RUN}-conversion-2"), report(task(JobState.RUNNING)))
    assert conversion.status is RunStatus.CONVERTING
