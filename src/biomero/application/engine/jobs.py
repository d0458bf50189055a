"""Submitting a job of a run, and judging how it ended. Nothing here waits for a job: see `JobWatcher`."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from biomero.application.disk_errors import remote_disk_error
from biomero.application.engine.attempts import Attempt
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.log_fields import add_log_fields
from biomero.application.ports.run_queue import Pool, TryAgain, WaitForJob
from biomero.application.projections.projection import job_task_id
from biomero.application.record_json import (
    job_from_json,
    job_to_json,
    resources_to_json,
    task_from_json,
    task_to_json,
)
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobResources, JobSpec, TaskReport
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import RemoteCommandError, SchedulerBusyError

_LAST_LOOKS = 4
_NO_ID = SlurmJobId(0)

# In the C locale a program that cannot write says so in words that we understand.
_WRITE = 'umask 077; LC_ALL=C; export LC_ALL; cat > "$1.part" && mv -- "$1.part" "$1"'


@dataclass(frozen=True, slots=True, kw_only=True)
class StepJob:
    """A job that a step wants done.

    Parameters
    ----------
    script
        The text of the job script.
    """

    script: str
    resources: JobResources
    array_size: int | None = None


def write_file(context: StepContext, path: str, text: str) -> None:
    """Write a small file on the cluster, whole or not at all.

    Raises
    ------
    NoSpaceError, RemotePermissionError, RemoteCommandError
        If it cannot be written.
    """
    result = context.cluster.shell.run(
        ("sh", "-c", _WRITE, "sh", path), stdin=text.encode(errors="surrogateescape")
    )
    if not result.ok:
        what, words = f"{path} could not be written", result.stderr.strip()
        raise remote_disk_error(what, words) or RemoteCommandError(f"{what}: {words}")


def submitted(context: StepContext, attempt: Attempt) -> JobRef | None:
    """Return the job of an attempt, as far as it is recorded that the scheduler has it.

    What the step logs from then on names it.
    """
    run = context.run
    known = run.jobs.get(attempt.key(run), {}).get("job")
    if known is None:
        return None
    ref = job_from_json(known)
    add_log_fields(**job_fields(context.run_id, ref))
    return ref


def job_fields(run_id: RunId, *jobs: JobRef) -> dict[str, str]:
    """Return how the log names jobs of a run; one that the scheduler may not have has a task alone."""
    tasks = [str(job_task_id(UUID(run_id), job.key)) for job in jobs]
    ids = [str(job.job_id) for job in jobs if job.job_id]
    fields = {"task": ",".join(tasks), "job": ",".join(ids)}
    return {name: text for name, text in fields.items() if text}


def submit(context: StepContext, attempt: Attempt, job: StepJob) -> JobRef:
    """Submit a job, or find the one that was submitted under its key before.

    What is recorded of it is only that it is wanted: the caller records that it is there.

    Raises
    ------
    SubmissionRejectedError
        If the scheduler would refuse it again.
    SchedulerBusyError
        If there is no room for it now; the context counts how often in a row that was so.
    """
    context.check_wishes()
    key, step = attempt.key(context.run), attempt.step
    add_log_fields(**job_fields(context.run_id, JobRef(key=key, job_id=_NO_ID, folder=context.folder.root)))
    asked = resources_to_json(job.resources)
    context.change(lambda run: run.request_job(key, step, resources=asked, array_size=job.array_size))
    folder = context.folder
    script = f"{folder.root}/job-{step}{attempt.suffix}.sh"
    write_file(context, script, job.script)
    spec = JobSpec(
        key=key,
        script=script,
        log=f"{folder.logs}/{step}-{'%A_%a' if job.array_size else '%j'}.log",
        resources=job.resources,
        array_size=job.array_size,
        array_limit=context.cluster.settings.array_limit if job.array_size else None,
        comment=" ".join(filter(None, (f"biomero run {context.run_id}", job.resources.comment))),
    )
    try:
        ref = context.cluster.scheduler.submit(spec)
    except SchedulerBusyError:
        context.refusals += 1
        raise
    context.refusals = 0
    add_log_fields(**job_fields(context.run_id, ref))
    return ref


def wait_for(ref: JobRef, then: str, pool: Pool) -> StepEnd:
    """Let the run wait for a job's end; then comes the step that judges it."""

    def record(run: WorkflowRun) -> None:
        run.submit_job(ref.key, job_to_json(ref))

    return StepEnd(move=WaitForJob(job=ref, step=then, pool=pool), decide=record)


def last_report(context: StepContext, ref: JobRef, *, then: str, pool: Pool) -> StepEnd | JobReport:
    """Return how a job ended; or where the run goes if that is not known yet.

    What the watcher has recorded is enough if it has the end of every task. Otherwise the job is asked about
    here: the run may be at this step because a person paused and resumed it. A job, or a task of it, that
    nobody knows in several looks, beyond those of the watcher, is lost: it is not in the report then.
    """
    tasks = _known_tasks(context.run, ref)
    if _have_ended(tasks, ref):
        return JobReport(job_id=ref.job_id, tasks=tasks)
    found = context.cluster.scheduler.report([ref]).get(ref.job_id)
    if found is not None:
        record_report(context, ref.key, found)
        if found.is_final:
            return found
        if any(not task.state.is_final for task in found.tasks):
            return StepEnd(move=WaitForJob(job=ref, step=then, pool=pool))
    if context.attempt < _LAST_LOOKS:
        return StepEnd(move=TryAgain(after_s=context.patience.look_again_s))
    return found or JobReport(job_id=ref.job_id, tasks=tuple(t for t in tasks if t.state.is_final))


def open_jobs(context: StepContext) -> list[JobRef]:
    """Return the jobs of which it is not on record that they have ended."""
    run, jobs = context.run, all_jobs(context)
    return [job for job in jobs if not _have_ended(_known_tasks(run, job), job)]


def _known_tasks(run: WorkflowRun, ref: JobRef) -> tuple[TaskReport, ...]:
    return tuple(task_from_json(task) for task in run.jobs[ref.key]["tasks"])


def _have_ended(tasks: tuple[TaskReport, ...], ref: JobRef) -> bool:
    return bool(tasks) and len(tasks) == (ref.array_size or 1) and all(t.state.is_final for t in tasks)


def record_report(context: StepContext, key: JobKey, report: JobReport) -> None:
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


def task_of(tasks: tuple[TaskReport, ...], place: int, places: int) -> TaskReport | None:
    """Return the report on one of a job's places; ``None`` where nobody knows the task.

    Parameters
    ----------
    place, places
        Which task of how many; a job with one only is no array, or an array of one.
    """
    if places == 1:
        return tasks[0] if tasks else None
    return next((task for task in tasks if task.index == place), None)


def all_jobs(context: StepContext) -> list[JobRef]:
    """Return every job that was ever asked for, also those of which nobody heard whether they exist."""
    return [
        JobRef(key=JobKey(key), job_id=_NO_ID, folder=context.folder.root)
        if job["job"] is None
        else job_from_json(job["job"])
        for key, job in context.run.jobs.items()
    ]


def lost_job(what: str) -> Failure:
    """Return the failure of a job, or of one of its tasks, that nobody knows any more."""
    return Failure(
        failure_class=FailureClass.SCHEDULER,
        message=f"{what} is known to nobody any more: neither the queue nor accounting has it, "
        "and it left no exit status",
        advice="Ask the cluster's administrators whether the job purged it or a node died; then run again.",
    )
