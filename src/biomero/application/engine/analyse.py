"""Steps: the workflow itself, as one job or as an array of batches, and how that ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biomero.application.compose_command import compose_command
from biomero.application.engine import names
from biomero.application.engine.another_try import another_try
from biomero.application.engine.attempts import Attempt
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.end_jobs import end_refused
from biomero.application.engine.jobs import StepJob, last_report, submit, submitted, task_of, wait_for
from biomero.application.engine.leftovers import clear_leftovers
from biomero.application.engine.place import on_to
from biomero.application.engine.split import (
    fewer,
    left_over,
    must_wait,
    next_length,
    reason_of,
    shorter,
)
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.run_queue import Pool
from biomero.application.run_request import RequestedImage, RunRequest
from biomero.application.settings import ClusterSettings, Settings
from biomero.domain.classify_failure import JobStep
from biomero.domain.command_line import build_arguments
from biomero.domain.descriptor import WorkflowDescriptor
from biomero.domain.job import JobResources, TaskReport
from biomero.domain.job_script import JobScript
from biomero.domain.resources import merge_resources
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ArrayTooLargeError, SchedulerBusyError

STEP = JobStep.WORKFLOW.value

_NEXT = StepEnd(move=on_to(names.FETCH))


def prepare_program(context: StepContext) -> PreparedProgram:
    """Make the workflow's program ready on the cluster, if that is not known to be so."""
    if context.program is None:
        descriptor = context.workflow.descriptor
        request = context.request
        runtime = context.cluster.runtime(
            request.runtime, python=request.python, image=request.container_image
        )
        context.program = runtime.prepare(
            context.workflow,
            binds=[context.folder.root],
            gpu=wants_gpu(context),
            entry_point=descriptor.uses_entry_point,
        )
    return context.program


def wants_gpu(context: StepContext) -> bool:
    """Say whether the job will have a GPU."""
    resources = _resources(context)
    own = context.services.settings.workflows.get(context.request.workflow)
    is_asked_for = resources.gpus or (resources.gres and "gpu" in resources.gres)
    return bool(is_asked_for or (own and own.uses_gpu))


def analyse_images(context: StepContext) -> StepEnd:
    """Submit the workflow on all images that came so far, or on as many as the cluster takes at once."""
    attempt = context.newest_attempt(STEP)
    good = {image.index for image in context.good_images}
    if not any(image.index in good for image in attempt.images):
        return _onwards(context)
    context.go_to(RunStatus.QUEUED, "preparing the job")
    ref = submitted(context, attempt)
    if ref is None:
        places = places_of(context, attempt)
        most = context.cluster.scheduler.max_array_size() if len(places) > 1 else None
        if most is not None and len(places) > most:
            return _split(context, attempt, most, f"the cluster's job arrays have {most} tasks at most")
        outputs = [f"{context.folder.output}/{place}".rstrip("/") for place in places]
        end_refused(context, attempt)
        clear_leftovers(context, attempt, *outputs)
        try:
            ref = submit(context, attempt, _job(context, attempt))
        except (ArrayTooLargeError, SchedulerBusyError) as exc:
            if must_wait(context, STEP, len(places), exc):
                raise
            tasks = fewer(context, STEP, len(places))
            return _split(context, attempt, tasks, reason_of(context, len(places), exc))
    return wait_for(ref, names.JUDGE_ANALYSIS, Pool.FETCH)


def judge_analysis(context: StepContext) -> StepEnd:
    """Go on with the images whose job ended well.

    Those of a failed job stay where they are: why they failed is judged when the logs are here.
    """
    attempt = context.newest_attempt(STEP)
    ref = submitted(context, attempt)
    if ref is None:
        return StepEnd(move=on_to(names.ANALYSE))
    report = last_report(context, ref, then=names.JUDGE_ANALYSIS, pool=Pool.FETCH)
    if isinstance(report, StepEnd):
        return report
    good = {image.index for image in context.good_images}
    tasks = {i.index: task_with(context, attempt, i, report.tasks) for i in attempt.images if i.index in good}
    analysed = [index for index, task in tasks.items() if task is not None and task.state.is_success]
    again = another_try(context, attempt, report, _asked(context, attempt))
    images = [i for i, task in tasks.items() if again and task is not None and task.index in again.tasks]
    onwards = _onwards(context)

    def record(run: WorkflowRun) -> None:
        run.advance_images(analysed, ImageStage.ANALYSED)
        if again is not None and images:
            again.record(run, STEP, images)
        elif onwards.decide is not None:
            onwards.decide(run)

    return StepEnd(move=on_to(names.ANALYSE) if images else onwards.move, decide=record)


def _split(context: StepContext, attempt: Attempt, tasks: int, reason: str) -> StepEnd:
    """Let the next job have the first batches of an attempt only; the others come after it."""
    first = set(places_of(context, attempt)[: max(1, tasks)])
    places = context.places()
    images = [image for image in attempt.images if places[image.index] in first]
    return StepEnd(move=on_to(names.ANALYSE), decide=shorter(attempt, images, reason))


def _onwards(context: StepContext) -> StepEnd:
    """Go on with images whose batches were left for a later job; where there are none, with the results."""
    images = left_over(context, STEP)
    if not images:
        return _NEXT
    later = replace(context.newest_attempt(STEP), images=tuple(images), resources=JobResources())
    tasks = next_length(context, STEP, len(places_of(context, later)))
    return _split(context, later, tasks, "the next batches")


def task_with(
    context: StepContext, attempt: Attempt, image: RequestedImage, tasks: Sequence[TaskReport]
) -> TaskReport | None:
    """Return the report on the task that had an image; ``None`` where nobody knows the task."""
    places = places_of(context, attempt)
    return task_of(tuple(tasks), places.index(context.places()[image.index]), len(places))


def places_of(context: StepContext, attempt: Attempt) -> list[str]:
    """Return the folders that an attempt's tasks work in, one for each.

    A folder is among them even if none of its images came so far: which task has which folder shall not
    depend on that.
    """
    places = context.places()
    return list(dict.fromkeys(places[image.index] for image in attempt.images))


def _job(context: StepContext, attempt: Attempt) -> StepJob:
    program = prepare_program(context)
    folder = context.folder
    outputs = [f"{folder.output}/{place}".rstrip("/") for place in places_of(context, attempt)]
    commands = []
    for place in places_of(context, attempt):
        line = build_arguments(
            context.workflow.descriptor,
            context.request.parameters,
            input_folder=f"{folder.input}/{place}".rstrip("/"),
            output_folder=f"{folder.output}/{place}".rstrip("/"),
            ground_truth_folder=folder.ground_truth,
            attachments=_attachments(context),
        )
        commands.append(compose_command(program, program=line.program, arguments=line.arguments))
    context.change(lambda run: run.prepare_program(program.identity, commands[0]))
    is_array = len(commands) > 1
    return StepJob(
        script=JobScript(
            key=attempt.key(context.run),
            folder=folder.root,
            command=() if is_array else commands[0],
            array_commands=tuple(commands) if is_array else (),
            outputs="" if is_array else outputs[0],
            array_outputs=tuple(outputs) if is_array else (),
            environment=dict(program.env),
            prologue=context.cluster.settings.prologue,
        ).text,
        resources=_asked(context, attempt),
        array_size=len(commands) if is_array else None,
    )


def _attachments(context: StepContext) -> dict[str, str]:
    """Return where the program finds what the user attached: a folder, or the file in it."""
    places: dict[str, str] = {}
    inputs = {p.id: p for p in context.workflow.descriptor.inputs}
    for name, paths in context.request.attachments.items():
        folder = f"{context.folder.attachments}/{name}"
        is_file = not inputs[name].is_folder and len(paths) == 1 and paths[0].is_file()
        places[name] = f"{folder}/{paths[0].name}" if is_file else folder
    omero = context.request.omero
    for name, files in (omero.files if omero is not None else {}).items():
        folder = f"{context.folder.attachments}/{name}"
        places[name] = folder if inputs[name].is_folder else f"{folder}/{files[0].name}"
    return places


def _asked(context: StepContext, attempt: Attempt) -> JobResources:
    return merge_resources(_resources(context), attempt.resources)


def _resources(context: StepContext) -> JobResources:
    return job_resources(
        context.services.settings, context.cluster.settings, context.workflow.descriptor, context.request
    )


def job_resources(
    settings: Settings, cluster: ClusterSettings, descriptor: WorkflowDescriptor, request: RunRequest
) -> JobResources:
    """Merge what is asked for: the user's word counts most, then the facility's for this workflow."""
    own = settings.workflows.get(request.workflow)
    wants_gpu = descriptor.resources.gpu or (own is not None and own.uses_gpu)
    return merge_resources(
        needs_of(descriptor),
        cluster.resources,
        cluster.gpu if wants_gpu else JobResources(),
        own.resources if own else JobResources(),
        request.resources,
    )


def needs_of(descriptor: WorkflowDescriptor) -> JobResources:
    """Return what the author says that the workflow needs."""
    needs = descriptor.resources
    return JobResources(cpus=needs.cpus, memory_mb=needs.memory_mb, gpus="1" if needs.gpu else None)
