"""Use case: tell everything that is known of a run, as one document."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version

from biomero.application.record_json import failure_from_json, safe_text, task_from_json
from biomero.application.run_document import (
    AttachmentRecord,
    ImageRecord,
    JobRecord,
    ObjectRecord,
    OutputKind,
    OutputRecord,
    RunCounts,
    RunDocument,
    RunTimes,
    StepTiming,
    WorkflowRecord,
)
from biomero.application.run_record import RunRecord
from biomero.application.run_request import RequestedImage, RunRequest
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.omero import file_address
from biomero.domain.run_events import Json
from biomero.domain.run_status import ImageStage, RunStatus, StageStatus
from biomero.domain.workflow_run import WorkflowRun

_STEPS = (
    RunStatus.EXPORTING,
    RunStatus.STAGING,
    RunStatus.CONVERTING,
    RunStatus.QUEUED,
    RunStatus.RUNNING,
    RunStatus.FETCHING,
    RunStatus.IMPORTING,
)


_CONTAINERS = frozenset({"Dataset", "Screen"})


def describe_run(record: RunRecord, run_id: RunId) -> RunDocument:
    """Return the document of a run as it stands.

    Raises
    ------
    UnknownRunError
        If there is no such run.
    """
    run = record.get(run_id)
    if not run.request:
        return _script_run(record, run)
    request = RunRequest.from_json(run.request)
    outputs = tuple(output_from_json(o) for o in run.outputs)
    return RunDocument(
        id=run_id,
        status=run.status,
        workflow=WorkflowRecord(
            name=run.name,
            reference=request.workflow,
            version=request.workflow_version,
            container_image=request.container_image,
            container_identity=run.program_identity or None,
            runtime=request.runtime,
        ),
        cluster=request.cluster or "local",
        user=request.requested_by,
        times=_times(run, record.status_times(run_id)),
        biomero_version=version("biomero"),
        parameters=request.parameters,
        images=tuple(_image(run, image, outputs) for image in request.images),
        attachments=tuple(_attachments(request)),
        jobs=tuple(_job(request, job) for job in run.jobs.values()),
        outputs=outputs,
        failure=None if run.failure is None else failure_from_json(run.failure),
        counts=_counts(run),
        logs=tuple(sorted(log for job in run.jobs.values() for log in _logs(job))),
        problems=tuple(run.problems),
        objects=tuple(ObjectRecord(**made) for made in run.objects),
        results_at=tuple(run.results_at) or _containers(run),
        images_at=run.images_at,
    )


def _containers(run: WorkflowRun) -> tuple[str, ...]:
    """Return where results of a release are that did not record it."""
    return tuple(f"{made['kind']}:{made['id']}" for made in run.objects if made["kind"] in _CONTAINERS)


def _script_run(record: RunRecord, run: WorkflowRun) -> RunDocument:
    """Tell what is known of a run that a script drives: images and jobs are its own business."""
    return RunDocument(
        id=run.run_id,
        status=run.status,
        workflow=WorkflowRecord(name=run.name, reference="", version=""),
        cluster="",
        user="" if run.user is None else f"OMERO user {run.user}",
        times=_times(run, record.status_times(run.run_id)),
        biomero_version=version("biomero"),
        problems=() if run.error_message is None else (run.error_message,),
    )


def output_to_json(output: OutputRecord) -> Json:
    """Return an output as the plain values of an event."""
    return {
        "path": safe_text(output.path),
        "sha256": output.sha256,
        "size": output.size,
        "kind": output.kind.value,
        "image": output.image,
        "made_as": safe_text(output.made_as),
        "objects": output.objects,
    }


def output_from_json(value: Json) -> OutputRecord:
    """Read what `output_to_json` wrote."""
    return OutputRecord(**{**value, "kind": OutputKind(value["kind"])})


def _times(run: WorkflowRun, changes: list[tuple[RunStatus, datetime]]) -> RunTimes:
    """Turn the moments at which the status changed into steps with lengths."""
    ends = [moment for _, moment in changes[1:]]
    spans = dict.fromkeys(_STEPS, None)
    steps = {}
    for (status, start), end in zip(changes, [*ends, None], strict=False):
        if status in spans:
            seconds = None if end is None else (end - start).total_seconds()
            steps[status] = StepTiming(name=status.value, started=start, seconds=seconds)
    return RunTimes(
        created=run.created_on,
        finished=changes[-1][1] if run.status.is_final and changes else None,
        steps=tuple(steps[s] for s in _STEPS if s in steps),
    )


def _image(run: WorkflowRun, image: RequestedImage, outputs: tuple[OutputRecord, ...]) -> ImageRecord:
    reached = run.stages[image.index]
    failure = run.image_failures.get(image.index)
    order = list(ImageStage)
    come = -1 if reached is None else order.index(reached)
    stages = dict.fromkeys(order[: come + 1], StageStatus.DONE)
    if failure is not None and come + 1 < len(order):
        stages[order[come + 1]] = StageStatus.FAILED
    counted = [o.objects for o in outputs if o.image == image.index and o.objects is not None]
    return ImageRecord(
        index=image.index,
        name=image.name,
        source=os.fspath(image.path),
        sha256=run.image_hashes.get(image.index),
        staged_name=None if reached is None else image.staged_name,
        stages=stages,
        failure=None if failure is None else failure_from_json(failure),
        objects=counted[0] if counted else None,
    )


def _attachments(request: RunRequest) -> Iterator[AttachmentRecord]:
    for name, paths in request.attachments.items():
        yield from (AttachmentRecord(input=name, source=os.fspath(p), name=p.name) for p in paths)
    for name, files in (request.omero.files if request.omero is not None else {}).items():
        for one in files:
            yield AttachmentRecord(
                input=name,
                source=file_address(one.file.id),
                name=one.name,
                size=one.file.size,
                checksum=f"{one.file.hash_kind}:{one.file.hash}" if one.file.hash else None,
            )


def _job(request: RunRequest, job: Json) -> JobRecord:
    submitted = job["job"]
    return JobRecord(
        key=JobKey(job["key"]),
        step=job["step"],
        cluster=request.cluster or "local",
        job_id=None if submitted is None else SlurmJobId(submitted["job_id"]),
        tasks=tuple(task_from_json(t) for t in job["tasks"]),
        logs=tuple(_logs(job)),
    )


def _logs(job: Json) -> list[str]:
    """Return the logs that a job leaves in the results folder."""
    if job["job"] is None:
        return []
    stem = f"logs/{job['step']}-{job['job']['job_id']}"
    return [f"{stem}.log" if t["index"] is None else f"{stem}_{t['index']}.log" for t in job["tasks"]]


def _counts(run: WorkflowRun) -> RunCounts:
    return RunCounts(
        ssh_logins=sum(s["ssh_logins"] for s in run.sessions),
        remote_commands=sum(s["remote_commands"] for s in run.sessions),
        status_polls=sum(s["status_polls"] for s in run.sessions),
    )
