"""More array tasks than a cluster takes at once: several shorter arrays, one after the other.

Each of them is an attempt with fewer images, under a key of its own. Which attempt has which images is
recorded before it is submitted, so that whoever comes next finds the same ones.
"""

from __future__ import annotations

from collections.abc import Callable

from biomero.application.engine.attempts import Attempt, attempt_with, attempts_of
from biomero.application.engine.context import StepContext
from biomero.application.record_json import resources_to_json
from biomero.application.run_request import RequestedImage
from biomero.domain.workflow_run import WorkflowRun


def shorter(attempt: Attempt, images: list[RequestedImage], reason: str) -> Callable[[WorkflowRun], None]:
    """Return what records that the next job of a step takes these images of an attempt."""
    asked = resources_to_json(attempt.resources)
    indices = [image.index for image in images]
    return lambda run: run.attempt_job(attempt.step, indices, resources=asked, reason=reason)


def left_over(context: StepContext, step: str) -> list[RequestedImage]:
    """Return the good images that no job of a step had yet, though one was wanted for them."""
    run = context.run
    return [i for i in context.good_images if not _had_job(context, run, step, i)]


def longest(context: StepContext, step: str) -> int | None:
    """Return how many tasks the longest job of a step had; ``None`` where the cluster took none."""
    run = context.run
    sizes = [_submitted_size(run, attempt) for attempt in attempts_of(run, context.request, step)]
    return max((size for size in sizes if size is not None), default=None)


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
