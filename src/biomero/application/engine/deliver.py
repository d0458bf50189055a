"""Step: results where the user wants them, and how the run ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from biomero.application.deliver_results import Delivery, DeliverySettings, SourceImage
from biomero.application.describe_run import output_to_json
from biomero.application.engine import names
from biomero.application.engine.analyse import STEP, task_with
from biomero.application.engine.attempts import attempt_with
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.fetch import logs_of, outputs_of
from biomero.application.engine.jobs import lost_job
from biomero.application.engine.place import on_to
from biomero.application.omero_images import images_of
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.record_json import (
    as_on_disk,
    failure_from_json,
    failure_to_json,
    safe_text,
    task_from_json,
)
from biomero.application.write_report import log_tail
from biomero.domain.classify_failure import JobStep, classify_task
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.job import TaskReport
from biomero.domain.run_events import Json
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import WorkflowRun


def deliver_results(context: StepContext) -> StepEnd:
    """Deliver what there is, and say how the run ended."""
    context.go_to(RunStatus.IMPORTING)
    failures = _failed_images(context)
    context.change(lambda run: run.fail_images(failures))
    kept = _kept_outputs(context)
    delivery = _deliver(context, kept)
    failure = _judge(context, delivery)
    outputs = [*kept, *(output_to_json(output) for output in delivery.outputs)]
    delivered = [image.index for image in context.good_images]

    goes_to_omero = context.request.omero is not None and bool(context.request.omero.wishes)

    def record(run: WorkflowRun) -> None:
        run.deliver(outputs, [safe_text(problem) for problem in delivery.problems])
        if failure is not None:
            run.fail(failure_to_json(failure))
        elif not goes_to_omero:
            run.advance_images(delivered, ImageStage.DELIVERED)
            run.complete()

    is_next = goes_to_omero and failure is None
    return StepEnd(move=on_to(names.IMPORT if is_next else names.TIDY), decide=record)


def _kept_outputs(context: StepContext) -> list[Json]:
    """Return the results of the rounds before that stay: those of images that this round is not about."""
    run = context.run
    asked = set(run.asked_images)
    if run.asked is None or asked == set(run.stages):
        return []
    return [output for output in run.outputs if output["image"] not in asked]


def _deliver(context: StepContext, kept: Sequence[Json]) -> Delivery:
    fetched = outputs_of(context)
    fetched.mkdir(parents=True, exist_ok=True)
    images = context.request.images
    done = 0

    def on_image(_index: int) -> None:
        nonlocal done
        done += 1
        context.listener.show(
            RunUpdate(status=RunStatus.IMPORTING, message="results", done=done, total=len(images))
        )

    are_files = context.request.omero is None
    with images_of(context.request, context.services) as sources:
        return context.services.deliver.deliver(
            run_id=context.run_id,
            sources=sources,
            fetched=fetched,
            descriptor=context.workflow.descriptor,
            images=[
                SourceImage(
                    index=i.index,
                    staged_stem=i.name,
                    source=i.path,
                    series=i.series,
                    staged_name=i.staged_as,
                )
                for i in images
            ],
            results=context.request.results,
            settings=DeliverySettings(
                zarr=are_files, pyramids=PyramidSettings(version=context.request.zarr_version)
            ),
            on_image=on_image,
            kept=[as_on_disk(output["path"]) for output in kept],
            earlier=[as_on_disk(output["made_as"]) for output in kept if output["made_as"] is not None],
        )


def _failed_images(context: StepContext) -> dict[int, Json]:
    """Return why the images of failed tasks came to nothing, with the last lines of their logs."""
    failures: dict[int, Json] = {}
    judged: dict[tuple[int, int | None], Json] = {}
    run = context.run
    for image in context.good_images:
        attempt = attempt_with(run, context.request, STEP, image)
        job = None if attempt is None else run.jobs.get(attempt.key(run))
        if attempt is None or job is None or job["job"] is None:
            continue
        task = task_with(context, attempt, image, [task_from_json(t) for t in job["tasks"]])
        if task is None or not task.state.is_final:
            failures[image.index] = failure_to_json(lost_job(f"the task that had {image.path}"))
            continue
        if task.state.is_success:
            continue
        mark = (attempt.number, task.index)
        if mark not in judged:
            tail = _tail(context, job["job"], task)
            judged[mark] = failure_to_json(classify_task(task, step=JobStep.WORKFLOW, log_tail=tail))
        failures[image.index] = judged[mark]
    return failures


def _tail(context: StepContext, job: Json, task: TaskReport) -> tuple[str, ...]:
    suffix = "" if task.index is None else f"_{task.index}"
    return log_tail(logs_of(context) / f"{STEP}-{job['job_id']}{suffix}.log")


def _judge(context: StepContext, delivery: Delivery) -> Failure | None:
    """Say why the run failed; ``None`` where it brought results."""
    run = context.run
    asked = {image.index for image in context.asked}
    failed: Mapping[int, Json] = {i: f for i, f in run.image_failures.items() if i in asked}
    is_strict = context.request.on_error == "stop"
    if failed and (is_strict or not run.good_images):
        from_jobs = [f for f in failed.values() if f["slurm_state"]]
        return failure_from_json((from_jobs or list(failed.values()))[0])
    if not delivery.outputs and context.good_images:
        return Failure(
            failure_class=FailureClass.CONTAINER,
            message="the workflow's program ended well but wrote nothing",
            advice="Read the log: did it find the images, in the format that it expects?",
            log_tail=_last_log(context),
        )
    return None


def _last_log(context: StepContext) -> tuple[str, ...]:
    logs = sorted(logs_of(context).glob(f"{STEP}-*.log")) if logs_of(context).is_dir() else []
    return log_tail(logs[-1]) if logs else ()
