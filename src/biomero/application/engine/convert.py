"""Steps: OME-Zarr to OME-TIFF on the cluster, for workflows that want TIFF, and how that ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from biomero.application.compose_command import compose_command
from biomero.application.engine import names
from biomero.application.engine.another_try import another_try
from biomero.application.engine.attempts import Attempt
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.end_jobs import end_refused
from biomero.application.engine.jobs import (
    StepJob,
    last_report,
    lost_job,
    submit,
    submitted,
    wait_for,
    write_file,
)
from biomero.application.engine.leftovers import clear_leftovers
from biomero.application.engine.place import on_to
from biomero.application.engine.split import must_wait, reason_of, refused_before, shorter
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.run_queue import Pool
from biomero.application.ports.workflows import CONVERTER, Workflow
from biomero.application.record_json import failure_to_json
from biomero.application.run_request import RequestedImage
from biomero.application.settings import ClusterSettings
from biomero.domain.classify_failure import JobStep, classify_task
from biomero.domain.command_line import build_arguments
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.job import JobReport, JobResources
from biomero.domain.job_script import JobScript
from biomero.domain.resources import merge_resources
from biomero.domain.run_events import Json
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import (
    ArrayTooLargeError,
    RemoteCommandError,
    SchedulerBusyError,
    UnparsableOutputError,
)

STEP = JobStep.CONVERSION.value
_MOST_TASKS = 20
_MEMORY_MB = 1024
_SHARE_FOR_PIXELS = 0.6  # of the memory asked for; the rest is Python, libraries and buffers

_READ_REPORTS = (
    'cd -- "$1" 2>/dev/null || exit 0; for f in convert-*.json; do [ ! -e "$f" ] || cat -- "$f" || exit; done'
)


def convert_images(context: StepContext) -> StepEnd:
    """Submit the conversion of every image that was staged; where there is none, go on."""
    attempt = context.newest_attempt(STEP)
    if context.takes_zarr or not _staged(context, attempt):
        return StepEnd(move=on_to(after_conversion(context)))
    context.go_to(RunStatus.CONVERTING, "preparing the job")
    ref = submitted(context, attempt)
    if ref is None:
        end_refused(context, attempt)
        clear_leftovers(context, attempt, context.folder.reports(attempt))
        job = _job(context, attempt)
        tasks = job.array_size or 1
        try:
            ref = submit(context, attempt, job)
        except (ArrayTooLargeError, SchedulerBusyError) as exc:
            if must_wait(context, STEP, tasks, exc):
                raise
            fewer_tasks = shorter(attempt, list(attempt.images), reason_of(context, tasks, exc))
            return StepEnd(move=on_to(names.CONVERT), decide=fewer_tasks)
    return wait_for(ref, names.JUDGE_CONVERSION, Pool.FETCH)


def judge_conversion(context: StepContext) -> StepEnd:
    """Go on with the images that were converted; one that could not be is left behind with its reason."""
    attempt = context.newest_attempt(STEP)
    ref = submitted(context, attempt)
    if ref is None:
        return StepEnd(move=on_to(names.CONVERT))
    report = last_report(context, ref, then=names.JUDGE_CONVERSION, pool=Pool.FETCH)
    if isinstance(report, StepEnd):
        return report
    staged = _staged(context, attempt)
    task_of = {image.index: position % (ref.array_size or 1) for position, image in enumerate(staged)}
    failures = _failures(context, attempt, report, task_of)
    again = another_try(context, attempt, report, _asked(context, attempt))
    images = [i for i in failures if again is not None and task_of[i] in again.tasks]
    # an image that the task itself gave up is not tried again: its own report says why
    images = [i for i in images if failures[i]["slurm_state"]]
    failed = {i: failure for i, failure in failures.items() if i not in images}
    converted = [i.index for i in staged if i.index not in failures]

    def record(run: WorkflowRun) -> None:
        run.fail_images(failed)
        run.advance_images(converted, ImageStage.CONVERTED)
        if again is not None:
            again.record(run, STEP, images)

    return StepEnd(move=on_to(names.CONVERT if images else after_conversion(context)), decide=record)


def after_conversion(context: StepContext) -> str:
    """Return the step that comes when nothing is left to be converted."""
    return names.ANALYSE if context.errand is None else names.SETTLE


def _staged(context: StepContext, attempt: Attempt) -> list[RequestedImage]:
    """Return the images that the conversion is for: all that came so far, and no further."""
    stages = context.run.stages
    good = {image.index for image in context.good_images}
    return [i for i in attempt.images if i.index in good and stages[i.index] is ImageStage.STAGED]


def prepare_converter(context: StepContext) -> tuple[Workflow, PreparedProgram]:
    """Make the conversion's program ready on the cluster, if that is not known to be so."""
    if context.converter is None:
        found = context.services.workflows.find(CONVERTER)
        prepared = context.cluster.converter.prepare(
            found,
            binds=list(dict.fromkeys([context.folder.root, context.source_folder.root])),
            entry_point=False,
        )
        context.converter = found, prepared
    return context.converter


def _job(context: StepContext, attempt: Attempt) -> StepJob:
    images = _staged(context, attempt)
    tasks = _task_count(context, attempt, len(images))
    folder, places = context.folder, context.places()
    listed = [
        {
            "source": f"{places[i.index]}{i.staged_name}",
            "target": f"{places[i.index]}{i.name}.tif",
        }
        for i in images
    ]
    path = f"{folder.base}/conversion{attempt.suffix}.json"
    write_file(context, path, json.dumps(listed))
    converter, program = prepare_converter(context)
    settings = context.cluster.settings
    resources = _asked(context, attempt)
    memory = int((resources.memory_mb or _MEMORY_MB) * _SHARE_FOR_PIXELS)
    reports = folder.reports(attempt)
    earlier = context.source_folder.input  # images that lie there already are converted where they are
    images_in, images_out = (folder.zarr, folder.input) if earlier == folder.input else (earlier, earlier)
    commands = []
    for task in range(tasks):
        line = build_arguments(
            converter.descriptor,
            {"list": path, "task": task, "tasks": tasks, "max_memory_mb": memory, "report": reports},
            input_folder=images_in,
            output_folder=images_out,
            ground_truth_folder=folder.ground_truth,
        )
        commands.append(compose_command(program, program=line.program, arguments=line.arguments))
    return StepJob(
        script=JobScript(
            key=attempt.key(context.run),
            folder=folder.root,
            array_commands=tuple(commands),
            environment=dict(program.env),
            prologue=settings.prologue,
        ).text,
        resources=resources,
        array_size=tasks,
    )


def _asked(context: StepContext, attempt: Attempt) -> JobResources:
    asked = conversion_resources(context.cluster.settings, context.request.resources)
    return merge_resources(asked, attempt.resources)


def _task_count(context: StepContext, attempt: Attempt, images: int) -> int:
    """Return how many tasks share the images; some clusters allow only short arrays."""
    refused = refused_before(context, attempt)
    most = _MOST_TASKS if refused is None else max(1, refused // 2)
    return min(images, most, context.cluster.scheduler.max_array_size() or most)


def conversion_resources(settings: ClusterSettings, asked: JobResources) -> JobResources:
    """Return what conversion jobs ask for: little, but where and for whom the user wants it.

    A partition that the facility has chosen for conversions stays.
    """
    partition = asked.partition if settings.conversion_partition is None else None
    return merge_resources(
        JobResources(cpus=1, memory_mb=_MEMORY_MB),
        settings.conversion_resources,
        JobResources(partition=partition, account=asked.account, qos=asked.qos),
    )


def _failures(
    context: StepContext, attempt: Attempt, report: JobReport, task_of: Mapping[int, int]
) -> dict[int, Json]:
    """Return what went wrong with each image that was not converted."""
    outcomes = _outcomes(context, attempt)
    failures: dict[int, Json] = {}
    tasks = {task.index: task for task in report.tasks}
    places = context.places()
    for image in _staged(context, attempt):
        outcome = outcomes.get(f"{places[image.index]}{image.staged_name}")
        if outcome is not None and outcome["ok"]:
            continue
        if outcome is not None:
            failure = Failure(
                failure_class=FailureClass.DATA,
                message=f"{image.path} could not be converted to TIFF: {outcome['error']}",
                advice="Look at the image; the conversion's log in the results folder says more.",
            )
        else:
            task = tasks.get(task_of[image.index])
            ended_badly = task is not None and task.state.is_final and not task.state.is_success
            failure = (
                classify_task(task, step=JobStep.CONVERSION)
                if task is not None and ended_badly
                else lost_job(f"the conversion of {image.path}")
            )
        failures[image.index] = failure_to_json(failure)
    return failures


def _outcomes(context: StepContext, attempt: Attempt) -> Mapping[str, Json]:
    """Read what the conversion tasks say of each image, by the name of its OME-Zarr."""
    folder = context.folder.reports(attempt)
    result = context.cluster.shell.run(("sh", "-c", _READ_REPORTS, "sh", folder))
    if not result.ok:
        raise RemoteCommandError(f"the conversion's reports cannot be read: {result.stderr.strip()}")
    try:
        return {str(item["source"]): item for listed in _documents(result.stdout) for item in listed}
    except (ValueError, TypeError, KeyError) as exc:
        raise UnparsableOutputError(f"the conversion's reports are not understood: {result.stdout}") from exc


def _documents(text: str) -> Iterator[list[Json]]:
    """Yield the JSON documents that stand one after the other."""
    decoder, start = json.JSONDecoder(), 0
    while start < len(text):
        if text[start].isspace():
            start += 1
            continue
        document, start = decoder.raw_decode(text, start)
        yield document
