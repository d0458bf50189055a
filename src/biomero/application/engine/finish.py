"""Step: results and report where the user wants them, and the run's end."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from biomero.application.deliver_results import Delivery, DeliverySettings, SourceImage
from biomero.application.describe_run import describe_run, output_to_json
from biomero.application.engine.analyse import STEP, task_of
from biomero.application.engine.context import RunContext
from biomero.application.engine.fetch import logs_of, outputs_of
from biomero.application.engine.jobs import lost_job
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.record_json import failure_from_json, failure_to_json, safe_text, task_from_json
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.application.write_report import WriteReport, deliver_logs, log_tail
from biomero.domain.classify_failure import JobStep, classify_task
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.ids import RunId
from biomero.domain.job import TaskReport
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import Json, WorkflowRun


def deliver_and_judge(context: RunContext) -> None:
    """Deliver what there is, and say how the run ended."""
    context.go_to(RunStatus.IMPORTING)
    failures = _failed_images(context)
    context.change(lambda run: run.fail_images(failures))
    delivery = _deliver(context)
    failure = _judge(context, delivery)
    outputs = [output_to_json(output) for output in delivery.outputs]
    delivered = [image.index for image in context.good_images]

    def record(run: WorkflowRun) -> None:
        run.deliver(outputs, [safe_text(problem) for problem in delivery.problems])
        if failure is None:
            run.advance_images(delivered, ImageStage.DELIVERED)
            run.complete()
        else:
            run.fail(failure_to_json(failure))

    context.change(record)


def write_report(services: Services, run_id: RunId, logs: Path | None = None) -> None:
    """Write logs, ``run.json`` and ``report.html`` for a run as it stands.

    Parameters
    ----------
    logs
        A local folder with logs of the run's jobs, which are copied too.
    """
    results = RunRequest.from_json(services.record.get(run_id).request).results
    if logs is not None and logs.is_dir():
        deliver_logs(logs, run_id, results)
    WriteReport(report=services.report).write(describe_run(services.record, run_id), results)


def _deliver(context: RunContext) -> Delivery:
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

    return context.services.deliver.deliver(
        run_id=context.run_id,
        fetched=fetched,
        descriptor=context.workflow.descriptor,
        images=[
            SourceImage(index=i.index, staged_stem=i.name, source=i.path, series=i.series) for i in images
        ],
        results=context.request.results,
        settings=DeliverySettings(pyramids=PyramidSettings(version=context.request.zarr_version)),
        on_image=on_image,
    )


def _failed_images(context: RunContext) -> dict[int, Json]:
    """Return why the images of failed tasks came to nothing, with the last lines of their logs."""
    failures: dict[int, Json] = {}
    job = context.run.jobs.get(context.job_key(STEP))
    if job is None or not job["tasks"]:
        return failures
    tasks = [task_from_json(task) for task in job["tasks"]]
    judged: dict[int | None, Json] = {}
    for image in context.good_images:
        task = task_of(context, image, tasks)
        if task is None or not task.state.is_final:
            failures[image.index] = failure_to_json(lost_job(f"the task that had {image.path}"))
            continue
        if task.state.is_success:
            continue
        if task.index not in judged:
            tail = _tail(context, job["job"], task)
            judged[task.index] = failure_to_json(classify_task(task, step=JobStep.WORKFLOW, log_tail=tail))
        failures[image.index] = judged[task.index]
    return failures


def _tail(context: RunContext, job: Json | None, task: TaskReport) -> tuple[str, ...]:
    if job is None:
        return ()
    suffix = "" if task.index is None else f"_{task.index}"
    return log_tail(logs_of(context) / f"{STEP}-{job['job_id']}{suffix}.log")


def _judge(context: RunContext, delivery: Delivery) -> Failure | None:
    """Say why the run failed; ``None`` where it brought results."""
    run = context.run
    failed: Mapping[int, Json] = run.image_failures
    is_strict = context.request.on_error == "stop"
    if failed and (is_strict or not run.good_images):
        from_jobs = [f for f in failed.values() if f["slurm_state"]]
        return failure_from_json((from_jobs or list(failed.values()))[0])
    if not delivery.outputs:
        return Failure(
            failure_class=FailureClass.CONTAINER,
            message="the workflow's program ended well but wrote nothing",
            advice="Read the log: did it find the images, in the format that it expects?",
            log_tail=_last_log(context),
        )
    return None


def _last_log(context: RunContext) -> tuple[str, ...]:
    logs = sorted(logs_of(context).glob(f"{STEP}-*.log")) if logs_of(context).is_dir() else []
    return log_tail(logs[-1]) if logs else ()


def clean_up(context: RunContext) -> None:
    """Remove the run's folder on the cluster, if the run is done: the folder of any other is evidence.

    Raises
    ------
    ClusterError
        If the cluster cannot be reached; the folder stays then, and nothing is wrong but its space.
    """
    if context.run.status is RunStatus.DONE and not context.request.keep:
        context.cluster.shell.run(("rm", "-rf", "--", context.folder.root), timeout_s=600)


def forget_workspace(context: RunContext) -> None:
    """Remove what was on its way here, when the results stand where they were wanted."""
    if context.run.status is RunStatus.DONE:
        shutil.rmtree(context.workspace, ignore_errors=True)
