"""Submitting a job of a run, and waiting for its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biomero.application.engine.context import CancelledByUser, RunContext, StepFailedError
from biomero.application.ports.progress import RunUpdate
from biomero.application.record_json import job_from_json, job_to_json, task_to_json
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.ids import JobKey
from biomero.domain.job import JobRef, JobReport, JobResources, JobSpec, JobState
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ClusterError, RemoteCommandError

_SHORTEST_LOCAL_S = 0.2
_LONGEST_LOCAL_S = 2.0
_SHORTEST_S = 2.0
_LONGEST_S = 60.0
_GROWTH = 1.3
_UNKNOWN_LOOKS = 10
"""A job that nobody knows in so many answers in a row is lost; accounting may lag some seconds."""
_UNANSWERED_LOOKS = 10
"""After so many questions in a row without an answer a person is told; the job itself goes on."""

_WRITE = 'umask 077; cat > "$1.part" && mv -- "$1.part" "$1"'


@dataclass(frozen=True, slots=True, kw_only=True)
class StepJob:
    """A job that a step wants done.

    Parameters
    ----------
    step
        ``conversion`` or ``workflow``; part of the job's identity.
    script
        The text of the job script.
    """

    step: str
    script: str
    resources: JobResources
    array_size: int | None = None


def write_file(context: RunContext, path: str, text: str) -> None:
    """Write a small file on the cluster, whole or not at all."""
    result = context.cluster.shell.run(
        ("sh", "-c", _WRITE, "sh", path), stdin=text.encode(errors="surrogateescape")
    )
    if not result.ok:
        raise RemoteCommandError(f"{path} could not be written: {result.stderr.strip()}")


def run_job(context: RunContext, job: StepJob, *, moving: bool = False) -> JobReport:
    """Submit a job, or find the one that was submitted before, and wait for its end.

    Parameters
    ----------
    moving
        The run's status follows the job: queued, then running.

    Raises
    ------
    SubmissionRejectedError
        If the scheduler would refuse it again.
    StepFailedError
        If nobody knows the job any more.
    CancelledByUser
        If somebody asked for the run's end; the job was cancelled then.
    """
    key = context.job_key(job.step)
    return _wait(context, _submitted(context, key, job), key=key, moving=moving)


def _submitted(context: RunContext, key: JobKey, job: StepJob) -> JobRef:
    known = context.run.jobs.get(key, {}).get("job")
    if known is not None:
        return job_from_json(known)
    context.check_cancelled()
    context.change(lambda run: run.request_job(key, job.step))
    folder = context.folder
    script = f"{folder.root}/job-{job.step}.sh"
    write_file(context, script, job.script)
    spec = JobSpec(
        key=key,
        script=script,
        log=f"{folder.logs}/{job.step}-{'%A_%a' if job.array_size else '%j'}.log",
        resources=job.resources,
        array_size=job.array_size,
        comment=" ".join(filter(None, (f"biomero run {context.run_id}", job.resources.comment))),
    )
    ref = context.cluster.scheduler.submit(spec)
    context.change(lambda run: run.submit_job(key, job_to_json(ref)))
    return ref


def _wait(context: RunContext, ref: JobRef, *, key: JobKey, moving: bool) -> JobReport:
    is_local = context.cluster.settings.is_local
    shortest, longest = (_SHORTEST_LOCAL_S, _LONGEST_LOCAL_S) if is_local else (_SHORTEST_S, _LONGEST_S)
    pause, unknown, unanswered, last = shortest, 0, 0, None
    while True:
        if context.run.cancel_requested_by is not None:
            context.cluster.scheduler.cancel([ref])
            raise CancelledByUser(f"run {context.run_id} was cancelled; so was job {ref.job_id}")
        context.polls += 1
        try:
            report = context.cluster.scheduler.report([ref]).get(ref.job_id)
            unanswered = 0
        except ClusterError as exc:
            unanswered += 1
            if unanswered >= _UNANSWERED_LOOKS:
                raise
            context.listener.show(RunUpdate(status=context.run.status, message=f"waiting: {exc}"))
            context.services.clock.sleep(longest if unanswered > 1 else shortest)
            continue
        if report is not None:
            record_report(context, key, report)
            _show(context, report, moving=moving)
            if report.is_final:
                return report
        is_lost = report is None or (
            bool(report.missing_tasks) and all(t.state.is_final for t in report.tasks)
        )
        unknown = unknown + 1 if is_lost else 0
        if unknown >= _UNKNOWN_LOOKS:
            if report is None:
                raise StepFailedError(lost_job(f"job {ref.job_id} ({ref.key})"))
            return report  # the tasks that nobody knows are judged with the others
        seen = None if report is None else [(t.state, t.reason) for t in report.tasks]
        pause = min(pause * _GROWTH, longest) if seen == last else shortest
        last = seen
        context.services.clock.sleep(pause)


def record_report(context: RunContext, key: JobKey, report: JobReport) -> None:
    """Record what the scheduler says of a job, where it is new."""
    tasks = [task_to_json(t) for t in report.tasks]
    known = context.run.jobs[key]["tasks"]
    # usage grows at every look; only a change of state, or the end, is worth an event
    if [(t["state"], t["reason"]) for t in known] == [(t["state"], t["reason"]) for t in tasks] and not (
        report.is_final and known != tasks
    ):
        return

    def record(run: WorkflowRun) -> None:
        run.report_job(key, tasks)

    context.change(record)


def _show(context: RunContext, report: JobReport, *, moving: bool) -> None:
    waiting = [t for t in report.tasks if t.state is JobState.PENDING]
    if moving:
        is_queued = len(waiting) == len(report.tasks)
        context.change(lambda run: run.advance(RunStatus.QUEUED if is_queued else RunStatus.RUNNING))
    context.listener.show(
        RunUpdate(
            status=context.run.status,
            message=_words(report, reasons=[t.reason for t in waiting if t.reason]),
            done=sum(t.state.is_final for t in report.tasks),
            total=len(report.tasks),
            unit="tasks",
        )
    )


def _words(report: JobReport, *, reasons: Sequence[str]) -> str:
    states = ", ".join(dict.fromkeys(t.state.text for t in report.tasks))
    text = f"job {report.job_id} {states}"
    if reasons and report.queue_position is not None:
        ahead = report.queue_position
        return f"{text}: {reasons[0]}, number {ahead} in the queue"
    return f"{text}: {reasons[0]}" if reasons else text


def lost_job(what: str) -> Failure:
    """Return the failure of a job, or of one of its tasks, that nobody knows any more."""
    return Failure(
        failure_class=FailureClass.SCHEDULER,
        message=f"{what} is known to nobody any more: neither the queue nor accounting has it, "
        "and it left no exit status",
        advice="Ask the cluster's administrators whether the job purged it or a node died; then run again.",
    )
