"""Ending jobs of a run, and seeing that they have ended."""

from __future__ import annotations

from biomero.application.engine.attempts import Attempt, attempts_of
from biomero.application.engine.context import StepContext
from biomero.application.engine.jobs import record_report
from biomero.application.engine.signals import WorkerStops
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobRef
from biomero.errors import JobNotEndedError

_LAST_LOOKS = 20
_LAST_PAUSE_S = 1.0


def end_jobs(context: StepContext, jobs: list[JobRef]) -> None:
    """End jobs, also those of which nobody heard whether they were submitted (their id is 0), and see to it.

    Raises
    ------
    ClusterError
        If they cannot be ended now, or have not ended after a while.
    """
    if not jobs:
        return
    context.cluster.scheduler.cancel(jobs)
    for _ in range(_LAST_LOOKS):
        jobs = _going(context, jobs)
        if not jobs:
            return
        if context.signals.stopping.wait(0):
            raise WorkerStops(f"the worker stops; jobs of run {context.run_id} are ended later")
        context.services.clock.sleep(_LAST_PAUSE_S)
    names_of = ", ".join(str(job.job_id or job.key) for job in jobs)
    raise JobNotEndedError(f"told to end, and not ended yet: job {names_of}")


def end_refused(context: StepContext, attempt: Attempt) -> None:
    """See to it that the job before an attempt, if that was refused, never runs beside the attempt's own.

    A refusal may be sbatch's word on its first try only, and a later one have been accepted. Nothing is asked
    of the cluster once the attempt's own job was asked for.
    """
    run = context.run
    if attempt.number == 1 or attempt.key(run) in run.jobs:
        return
    key = attempts_of(run, context.request, attempt.step)[attempt.number - 2].key(run)
    if key in run.jobs and run.jobs[key]["job"] is None:
        end_jobs(context, [JobRef(key=key, job_id=SlurmJobId(0), folder=context.folder.root)])


def _going(context: StepContext, jobs: list[JobRef]) -> list[JobRef]:
    """Return the jobs that still wait or run, and record what the scheduler says of them.

    One that nobody heard of has no id to ask about; it is looked for by its name.
    """
    scheduler = context.cluster.scheduler
    heard = [job for job in jobs if job.job_id]
    reports = scheduler.report(heard) if heard else {}
    for job in heard:
        if job.job_id in reports:
            record_report(context, job.key, reports[job.job_id])
    names = {own.name for own in scheduler.load().jobs} if len(heard) < len(jobs) else set()
    going = {job_id for job_id, report in reports.items() if not report.is_final}
    return [job for job in jobs if (job.job_id in going if job.job_id else job.key in names)]
