"""Step: OME-Zarr to OME-TIFF on the cluster, for workflows that want TIFF."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from biomero.application.compose_command import compose_command
from biomero.application.engine.context import RunContext
from biomero.application.engine.jobs import StepJob, lost_job, run_job, write_file
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.workflows import Workflow
from biomero.application.record_json import failure_to_json
from biomero.application.run_request import RequestedImage
from biomero.application.settings import ClusterSettings
from biomero.domain.classify_failure import JobStep, classify_task
from biomero.domain.command_line import build_arguments
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.job import JobReport, JobResources
from biomero.domain.job_script import JobScript
from biomero.domain.resources import merge_resources
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import Json, WorkflowRun
from biomero.errors import UnparsableOutputError

CONVERTER = "zarr-to-tiff"
"""The name of the conversion among the workflows that BIOMERO ships."""

_MOST_TASKS = 20
_MEMORY_MB = 1024
_SHARE_FOR_PIXELS = 0.6  # of the memory asked for; the rest is Python, libraries and buffers

_READ_REPORTS = (
    'cd -- "$1" 2>/dev/null || exit 0; for f in convert-*.json; do [ -e "$f" ] && cat -- "$f"; done; :'
)


def convert_images(context: RunContext) -> None:
    """Convert every image that was staged; one that cannot be converted is left behind with its reason."""
    images = [i for i in context.good_images if context.run.stages[i.index] is ImageStage.STAGED]
    if context.takes_zarr or not images:
        return
    context.go_to(RunStatus.CONVERTING)
    report = run_job(context, _job(context, images))
    failures = _failures(context, images, report)
    converted = [i.index for i in images if i.index not in failures]

    def record(run: WorkflowRun) -> None:
        run.fail_images(failures)
        run.advance_images(converted, ImageStage.CONVERTED)

    context.change(record)


def prepare_converter(context: RunContext) -> tuple[Workflow, PreparedProgram]:
    """Make the conversion's program ready on the cluster, once for a run."""
    if context.converter is None:
        found = context.services.workflows.find(CONVERTER)
        prepared = context.cluster.converter.prepare(found, binds=[context.folder.root], entry_point=False)
        context.converter = found, prepared
    return context.converter


def _job(context: RunContext, images: list[RequestedImage]) -> StepJob:
    tasks = min(len(images), _MOST_TASKS)
    folder = context.folder
    listed = [
        {"source": f"{context.place(i)}{i.name}.ome.zarr", "target": f"{context.place(i)}{i.name}.tif"}
        for i in images
    ]
    path = f"{folder.root}/conversion.json"
    write_file(context, path, json.dumps(listed))
    converter, program = prepare_converter(context)
    settings = context.cluster.settings
    resources = conversion_resources(settings, context.request.resources)
    memory = int((resources.memory_mb or _MEMORY_MB) * _SHARE_FOR_PIXELS)
    commands = []
    for task in range(tasks):
        line = build_arguments(
            converter.descriptor,
            {"list": path, "task": task, "tasks": tasks, "max_memory_mb": memory, "report": folder.reports},
            input_folder=folder.zarr,
            output_folder=folder.input,
            ground_truth_folder=folder.ground_truth,
        )
        commands.append(compose_command(program, program=line.program, arguments=line.arguments))
    return StepJob(
        step=JobStep.CONVERSION.value,
        script=JobScript(
            key=context.job_key(JobStep.CONVERSION.value),
            folder=folder.root,
            array_commands=tuple(commands),
            environment=dict(program.env),
            prologue=settings.prologue,
        ).text,
        resources=resources,
        array_size=tasks,
    )


def conversion_resources(settings: ClusterSettings, asked: JobResources) -> JobResources:
    """Return what conversion jobs ask for: little, but where and for whom the user wants it.

    A partition that the facility has chosen for conversions stays.
    """
    own = settings.conversion_resources.partition
    partition = asked.partition if own in {None, settings.resources.partition} else None
    return merge_resources(
        JobResources(cpus=1, memory_mb=_MEMORY_MB),
        settings.conversion_resources,
        JobResources(partition=partition, account=asked.account, qos=asked.qos),
    )


def _failures(context: RunContext, images: list[RequestedImage], report: JobReport) -> dict[int, Json]:
    """Return what went wrong with each image that was not converted."""
    outcomes = _outcomes(context)
    failures: dict[int, Json] = {}
    tasks = {task.index: task for task in report.tasks}
    for position, image in enumerate(images):
        outcome = outcomes.get(f"{context.place(image)}{image.name}.ome.zarr")
        if outcome is not None and outcome["ok"]:
            continue
        if outcome is not None:
            failure = Failure(
                failure_class=FailureClass.DATA,
                message=f"{image.path} could not be converted to TIFF: {outcome['error']}",
                advice="Look at the image; the conversion's log in the results folder says more.",
            )
        else:
            task = tasks.get(position % min(len(images), _MOST_TASKS))
            ended_badly = task is not None and task.state.is_final and not task.state.is_success
            failure = (
                classify_task(task, step=JobStep.CONVERSION)
                if task is not None and ended_badly
                else lost_job(f"the conversion of {image.path}")
            )
        failures[image.index] = failure_to_json(failure)
    return failures


def _outcomes(context: RunContext) -> Mapping[str, Json]:
    """Read what the conversion tasks say of each image, by the name of its OME-Zarr."""
    result = context.cluster.shell.run(("sh", "-c", _READ_REPORTS, "sh", context.folder.reports))
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
