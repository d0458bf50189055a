"""Step: the workflow itself, as one job or as an array of batches."""

from __future__ import annotations

from collections.abc import Sequence

from biomero.application.compose_command import compose_command
from biomero.application.engine.context import RunContext
from biomero.application.engine.jobs import StepJob, run_job
from biomero.application.ports.containers import PreparedProgram
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

STEP = JobStep.WORKFLOW.value


def prepare_program(context: RunContext) -> PreparedProgram:
    """Make the workflow's program ready on the cluster, once for a run."""
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


def wants_gpu(context: RunContext) -> bool:
    """Say whether the job will have a GPU."""
    resources = _resources(context)
    return bool(resources.gpus or (resources.gres and "gpu" in resources.gres))


def analyse_images(context: RunContext) -> None:
    """Run the workflow on all images that came so far, and wait for its end.

    Images whose job ended well are analysed. Those of a failed job stay where they are: why they failed
    is judged when the logs are here.
    """
    if not context.good_images:
        return
    context.go_to(RunStatus.QUEUED, "preparing the job")
    report = run_job(context, _job(context), moving=True)
    tasks = {i.index: task_of(context, i, report.tasks) for i in context.good_images}
    analysed = [index for index, task in tasks.items() if task is not None and task.state.is_success]

    def record(run: WorkflowRun) -> None:
        run.advance_images(analysed, ImageStage.ANALYSED)

    context.change(record)


def task_of(context: RunContext, image: RequestedImage, tasks: Sequence[TaskReport]) -> TaskReport | None:
    """Return the report on the task that had an image; ``None`` where nobody knows the task."""
    if len(context.batches) == 1:
        return tasks[0] if tasks else None
    batch = image.index // (context.request.batch_size or 1)
    return next((task for task in tasks if task.index == batch), None)


def _job(context: RunContext) -> StepJob:
    program = prepare_program(context)
    folder = context.folder
    places = list(dict.fromkeys(context.place(image).rstrip("/") for image in context.request.images))
    commands = []
    for place in places:
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
        step=STEP,
        script=JobScript(
            key=context.job_key(STEP),
            folder=folder.root,
            command=() if is_array else commands[0],
            array_commands=tuple(commands) if is_array else (),
            environment=dict(program.env),
            prologue=context.cluster.settings.prologue,
        ).text,
        resources=_resources(context),
        array_size=len(commands) if is_array else None,
    )


def _attachments(context: RunContext) -> dict[str, str]:
    """Return where the program finds what the user attached: a folder, or the file in it."""
    places: dict[str, str] = {}
    inputs = {p.id: p for p in context.workflow.descriptor.inputs}
    for name, paths in context.request.attachments.items():
        folder = f"{context.folder.attachments}/{name}"
        is_file = not inputs[name].is_folder and len(paths) == 1 and paths[0].is_file()
        places[name] = f"{folder}/{paths[0].name}" if is_file else folder
    return places


def _resources(context: RunContext) -> JobResources:
    return job_resources(
        context.services.settings, context.cluster.settings, context.workflow.descriptor, context.request
    )


def job_resources(
    settings: Settings, cluster: ClusterSettings, descriptor: WorkflowDescriptor, request: RunRequest
) -> JobResources:
    """Merge what is asked for: the user's word counts most, then the facility's for this workflow."""
    own = settings.workflows.get(request.workflow)
    return merge_resources(
        needs_of(descriptor),
        cluster.resources,
        own.resources if own else JobResources(),
        request.resources,
    )


def needs_of(descriptor: WorkflowDescriptor) -> JobResources:
    """Return what the author says that the workflow needs."""
    needs = descriptor.resources
    return JobResources(cpus=needs.cpus, memory_mb=needs.memory_mb, gpus="1" if needs.gpu else None)
