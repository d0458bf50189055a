"""What a look at the cluster means for a run: whether it is news, whether the job is over, or lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.run_queue import JobNews, WaitingRun
from biomero.application.record_json import task_to_json
from biomero.domain.classify_failure import JobStep
from biomero.domain.ids import JobKey, RunId
from biomero.domain.job import JobReport, JobState
from biomero.domain.run_events import Json
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun

UNKNOWN_LOOKS = 10
"""A job that nobody knows in so many answers in a row is lost; accounting may lag some seconds."""

_MOVING = frozenset({RunStatus.QUEUED, RunStatus.RUNNING})


def judge(waiting: WaitingRun, report: JobReport | None, *, counts: bool = True) -> JobNews | None:
    """Compare a look with what was told before; ``None`` where there is nothing to tell.

    Parameters
    ----------
    report
        ``None`` where the scheduler answered, and nobody knows the job.
    counts
        Whether it is long enough since the last look that a job which nobody knows counts as one more.
    """
    seen = fingerprint(report) if report is not None else waiting.seen
    unknown = waiting.unknown_looks + counts if is_missing(report) else 0
    is_over = (report is not None and report.is_final) or unknown >= UNKNOWN_LOOKS
    is_new = report is not None and (seen != waiting.seen or is_over)
    if not (is_new or is_over or unknown != waiting.unknown_looks):
        return None
    return JobNews(
        run_id=waiting.run_id,
        job=waiting.job,
        seen=seen,
        unknown_looks=unknown,
        decide=Record.of(waiting.job.key, report) if report is not None and is_new else None,
        is_over=is_over,
    )


def with_progress(waiting: WaitingRun, news: JobNews | None, percent: int) -> JobNews:
    """Return the news with how far the job says it is."""
    key, decide = waiting.job.key, news.decide if news is not None else None

    def both(run: WorkflowRun) -> None:
        if decide is not None:
            decide(run)
        if key in run.jobs:
            run.make_progress(key, percent)

    plain = JobNews(
        run_id=waiting.run_id, job=waiting.job, seen=waiting.seen, unknown_looks=waiting.unknown_looks
    )
    return replace(news or plain, decide=both)


def is_missing(report: JobReport | None) -> bool:
    """Say whether nobody knows the job, or some of its tasks when all others have ended."""
    return report is None or (bool(report.missing_tasks) and all(t.state.is_final for t in report.tasks))


def fingerprint(report: JobReport) -> str:
    """Return a short text that changes when a state or a reason does; usage grows at every look.

    An end counts with its exit codes.
    """
    rows = [
        (t.index, t.state.text, t.reason, t.exit_code if t.state.is_final else None) for t in report.tasks
    ]
    text = json.dumps([rows, report.missing_tasks])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Record:
    """Writes a report down in its run."""

    key: JobKey
    tasks: list[Json]
    status: RunStatus

    @classmethod
    def of(cls, key: JobKey, report: JobReport) -> Record:
        """Return what writes down a report of the job with that key."""
        return cls(key, [task_to_json(t) for t in report.tasks], status_of(report))

    def __call__(self, run: WorkflowRun) -> None:
        """Record what is new; the run's status follows the job of the workflow itself."""
        known = run.jobs.get(self.key)
        if known is None:
            return
        run.report_job(self.key, self.tasks)
        if known["step"] == JobStep.WORKFLOW.value and run.status in _MOVING:
            run.advance(self.status)


def status_of(report: JobReport) -> RunStatus:
    """Return the status of a run whose workflow's job that is."""
    waits = all(task.state is JobState.PENDING for task in report.tasks)
    return RunStatus.QUEUED if waits else RunStatus.RUNNING


def update_of(run_id: RunId, key: JobKey, report: JobReport, *, percent: int | None = None) -> RunUpdate:
    """Return what a person is shown of a job."""
    is_conversion = f"-{JobStep.CONVERSION.value}" in key.removeprefix(f"biomero-{run_id}")
    reasons = [t.reason for t in report.tasks if not t.state.is_final and t.reason]
    text = _words(report, reasons=reasons)
    if percent is not None and len(report.tasks) == 1:
        return RunUpdate(status=status_of(report), message=text, done=percent, total=100, unit="percent")
    return RunUpdate(
        status=RunStatus.CONVERTING if is_conversion else status_of(report),
        message=text,
        done=sum(t.state.is_final for t in report.tasks),
        total=len(report.tasks),
        unit="tasks",
    )


def _words(report: JobReport, *, reasons: Sequence[str]) -> str:
    states = ", ".join(dict.fromkeys(t.state.text for t in report.tasks))
    text = f"job {report.job_id} {states}"
    if reasons and report.queue_position is not None:
        return f"{text}: {reasons[0]}, number {report.queue_position} in the queue"
    return f"{text}: {reasons[0]}" if reasons else text
