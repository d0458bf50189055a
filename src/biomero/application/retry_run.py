"""Use case: try a run again that has ended or is paused: one step, the images that failed, or all of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from biomero.application.engine import names
from biomero.application.engine.place import POOLS, place_of
from biomero.application.errand import Goal
from biomero.application.errand_runs import refuse_beside_others
from biomero.application.record_json import job_from_json, task_from_json
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.domain.classify_failure import JobStep
from biomero.domain.ids import RunId
from biomero.domain.run_events import Json
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import UsageError

_CONVERSION, _WORKFLOW = JobStep.CONVERSION.value, JobStep.WORKFLOW.value

_STATUS = {
    names.PREPARE: RunStatus.SUBMITTED,
    names.CONVERT: RunStatus.CONVERTING,
    names.ANALYSE: RunStatus.QUEUED,
    names.FETCH: RunStatus.FETCHING,
    names.DELIVER: RunStatus.IMPORTING,
}
"""The steps that a person can name, and the status with which a run goes on there."""

_BY_STATUS = {
    RunStatus.CONVERTING: names.CONVERT,
    RunStatus.QUEUED: names.ANALYSE,
    RunStatus.RUNNING: names.ANALYSE,
    RunStatus.FETCHING: names.FETCH,
    RunStatus.IMPORTING: names.FETCH,
}


class Retry(enum.Enum):
    """What is tried again."""

    STEP = "step"
    """The step that failed, for the images that it failed for; what stood before it stands."""
    FAILED_IMAGES = "failed-images"
    """The images that failed, from the beginning; the results of the others stay."""
    ALL = "all"
    """Everything, from the beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Where a run goes on, with which images, and which steps get new jobs."""

    step: str
    images: list[int]
    job_steps: tuple[str, ...] = ()
    is_new_round: bool = False


def retry_run(
    run_id: RunId, services: Services, what: Retry, *, requested_by: str, step: str | None = None
) -> WorkflowRun:
    """Record that somebody wants a run tried again, and make it due; a run that had ended is open again.

    Parameters
    ----------
    step
        The name of the step to try again, for `Retry.STEP`; the one that failed if it is not given.

    Raises
    ------
    UsageError
        If the run is still under way, or nothing of it is to be tried again.
    """
    run = services.record.get(run_id)
    request = RunRequest.from_json(run.request)  # refuses a run that a script drives
    if not run.status.is_final and run.status is not RunStatus.PAUSED:
        raise UsageError(f"run {run_id} is {run.status.value}; wait for its end, or cancel it first")
    _refuse_beside_a_job(run)
    refuse_beside_others(run, services.record)
    if request.errand is not None:
        plan = _errand(run)
    elif what is Retry.STEP:
        plan = _step(run, step)
    else:
        images = sorted(run.image_failures) if what is Retry.FAILED_IMAGES else sorted(run.stages)
        plan = _round(run, images)
    return services.queue.restart(
        run_id,
        plan.step,
        POOLS[plan.step],
        lambda run: run.request_retry(
            requested_by,
            status=_STATUS[plan.step],
            images=plan.images,
            job_steps=plan.job_steps,
            is_new_round=plan.is_new_round,
        ),
        otherwise=None if services.queue.find(run_id) else place_of(run, host=services.home),
    )


def _errand(run: WorkflowRun) -> _Plan:
    """Plan to go on at the beginning, which finds out what is done; images not done yet get new jobs."""
    is_import = run.request["errand"]["goal"] == Goal.IMPORT.value
    there = {ImageStage.CONVERTED, ImageStage.DELIVERED}
    lacking = [i for i, stage in run.stages.items() if i in run.image_failures or stage not in there]
    return _Plan(
        step=names.PREPARE,
        images=[] if is_import else sorted(lacking),
        job_steps=() if is_import or not lacking else _had(run, _CONVERSION),
    )


def _refuse_beside_a_job(run: WorkflowRun) -> None:
    """Let no new job begin while an older one of the run may still work in its folders."""
    going = [key for key, job in run.jobs.items() if job["job"] is not None and not _has_ended(job)]
    if run.status is RunStatus.PAUSED and going:
        raise UsageError(
            f"run {run.run_id} is paused, and its job {run.jobs[going[0]]['job']['job_id']} may still run: "
            "resume the run, which goes on with that job, or cancel it first"
        )


def _has_ended(job: Json) -> bool:
    tasks = [task_from_json(task) for task in job["tasks"]]
    return len(tasks) == (job_from_json(job["job"]).array_size or 1) and all(t.state.is_final for t in tasks)


def _round(run: WorkflowRun, images: list[int]) -> _Plan:
    if not images:
        raise UsageError(f"no image of run {run.run_id} has failed")
    had_jobs = tuple(dict.fromkeys(str(job["step"]) for job in run.jobs.values()))
    return _Plan(step=names.PREPARE, images=images, job_steps=had_jobs, is_new_round=True)


def _step(run: WorkflowRun, step: str | None) -> _Plan:
    """Plan to go on at a step, with the images that came as far as that and no further."""
    if run.status is RunStatus.DONE:
        raise UsageError(f"run {run.run_id} is done: retry its failed images, or all of it")
    chosen = step or _failed_step(run)
    if chosen not in _STATUS:
        raise UsageError(f"no step '{chosen}' can be tried again; there are: {', '.join(_STATUS)}")
    asked = run.asked_images
    failed = [i for i in asked if i in run.image_failures]
    stages = run.stages
    match chosen:
        case names.CONVERT:
            images = [i for i in asked if stages[i] in {ImageStage.STAGED, ImageStage.CONVERTED}]
            return _Plan(step=chosen, images=images, job_steps=_had(run, _CONVERSION, _WORKFLOW))
        case names.ANALYSE:
            ready = {ImageStage.STAGED, ImageStage.CONVERTED}
            images = [i for i in asked if stages[i] in ready]
            return _Plan(step=chosen, images=images, job_steps=_had(run, _WORKFLOW))
        case names.PREPARE:
            return _Plan(step=chosen, images=[i for i in failed if stages[i] in {None, ImageStage.EXPORTED}])
        case _:
            return _Plan(step=chosen, images=[])


def _failed_step(run: WorkflowRun) -> str:
    """Return the step at which a run failed: of jobs, one hears that they failed only later."""
    reached = {run.stages[i] for i in run.image_failures if i in set(run.asked_images)}
    if run.step is RunStatus.IMPORTING and reached & {ImageStage.CONVERTED, ImageStage.STAGED}:
        jobs = [str(job["step"]) for job in run.jobs.values()]
        return names.ANALYSE if _WORKFLOW in jobs else names.CONVERT
    return _BY_STATUS.get(run.step, names.PREPARE)


def _had(run: WorkflowRun, *steps: str) -> tuple[str, ...]:
    """Return those of some steps whose newest job is there already: they get one of a new key."""
    there = {str(job["step"]) for job in run.jobs.values()}
    return tuple(step for step in steps if step in there)
