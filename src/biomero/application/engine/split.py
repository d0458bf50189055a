"""More array tasks than a cluster takes at once: several shorter arrays, one after the other.

Each of them is an attempt with fewer images, under a key of its own. Which attempt has which images is
recorded before it is submitted, so that whoever comes next finds the same ones.

An array may be too long for ever, or only for the places that are free now. Nobody says which of the two it
is, nor for how long: a limit may be one that others share. So the array after one that was taken has twice as
many tasks, and where these are too many, as many as were taken before.
"""

from __future__ import annotations

from collections.abc import Callable

from biomero.application.engine.attempts import Attempt, attempt_with, attempts_of
from biomero.application.engine.context import StepContext
from biomero.application.record_json import resources_to_json
from biomero.application.run_request import RequestedImage
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import BiomeroError, SchedulerBusyError


def shorter(attempt: Attempt, images: list[RequestedImage], reason: str) -> Callable[[WorkflowRun], None]:
    """Return what records that the next job of a step takes these images of an attempt."""
    asked = resources_to_json(attempt.resources)
    indices = [image.index for image in images]
    return lambda run: run.attempt_job(attempt.step, indices, resources=asked, reason=reason)


def left_over(context: StepContext, step: str) -> list[RequestedImage]:
    """Return the good images that no job of a step had yet, though one was wanted for them."""
    run = context.run
    return [i for i in context.good_images if not _had_job(context, run, step, i)]


def must_wait(context: StepContext, step: str, tasks: int, refused: BiomeroError) -> bool:
    """Say whether a job for which the cluster has no room is tried again as it is, not with fewer tasks.

    It is, until that was refused some times in a row; but where fewer tasks were taken before, no time is
    lost with waiting.
    """
    if not isinstance(refused, SchedulerBusyError):
        return False
    taken = _longest(context, step)
    is_known = taken is not None and taken < tasks
    return tasks == 1 or not (is_known or context.refusals >= context.patience.refusals)


def fewer(context: StepContext, step: str, tasks: int) -> int:
    """Return how many tasks a job gets instead of so many, which were refused."""
    taken = _longest(context, step) or 0
    return max(1, tasks // 2, taken if taken < tasks else 0)


def next_length(context: StepContext, step: str, tasks: int) -> int:
    """Return how many tasks the next job of a step gets, of those that are left."""
    taken = _longest(context, step)
    most = context.cluster.scheduler.max_array_size() if tasks > 1 else None
    return min(tasks, most or tasks, tasks if taken is None else 2 * taken)


def _longest(context: StepContext, step: str) -> int | None:
    """Return how many tasks the longest job of a step had; ``None`` where the cluster took none."""
    run = context.run
    sizes = [_submitted_size(run, attempt) for attempt in attempts_of(run, context.request, step)]
    return max((size for size in sizes if size is not None), default=None)


def reason_of(context: StepContext, tasks: int, refused: BiomeroError) -> str:
    """Return for people why a job gets fewer tasks."""
    times = f"; {tasks} tasks at once found no room {context.refusals} times in a row"
    return f"{refused}{times if isinstance(refused, SchedulerBusyError) else ''}"


def refused_before(context: StepContext, attempt: Attempt) -> int | None:
    """Return how many tasks the job had that the cluster refused just before this attempt."""
    if attempt.number == 1:
        return None
    run = context.run
    before = attempts_of(run, context.request, attempt.step)[attempt.number - 2]
    job = run.jobs.get(before.key(run))
    return None if job is None or job["job"] is not None else job.get("array_size")


def _had_job(context: StepContext, run: WorkflowRun, step: str, image: RequestedImage) -> bool:
    attempt = attempt_with(run, context.request, step, image)
    return attempt is not None and run.jobs.get(attempt.key(run), {}).get("job") is not None


def _submitted_size(run: WorkflowRun, attempt: Attempt) -> int | None:
    job = run.jobs.get(attempt.key(run), {}).get("job")
    return None if job is None else job["array_size"] or 1
