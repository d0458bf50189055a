"""Documents of runs that went well and badly, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from biomero.application.run_document import (
    ImageRecord,
    JobRecord,
    OutputKind,
    OutputRecord,
    RunCounts,
    RunDocument,
    RunTimes,
    StepTiming,
    WorkflowRecord,
)
from biomero.domain.classify_failure import JobStep, classify_task
from biomero.domain.descriptor import ParameterValue
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import JobState, JobUsage, TaskReport
from biomero.domain.run_status import ImageStage, RunStatus, StageStatus

CREATED = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ALL_DONE = dict.fromkeys(ImageStage, StageStatus.DONE)


def a_document(
    *,
    source: str = "/home/ada/nuclei.tif",
    parameters: Mapping[str, ParameterValue] | None = None,
    created: datetime = CREATED,
    outputs: tuple[OutputRecord, ...] | None = None,
    images: tuple[ImageRecord, ...] | None = None,
) -> RunDocument:
    """Return the document of a run that went well."""
    return RunDocument(
        id=RunId("0c7d6a39-6c1f-4d4a-9e54-1a2b3c4d5e6f"),
        status=RunStatus.DONE,
        workflow=WorkflowRecord(
            name="Nuclei segmentation",
            reference="nuclei-segmentation",
            version="1.2",
            container_image="ghcr.io/org/nuclei:1.2",
            container_identity="sha256:" + "ab" * 32,
            runtime="apptainer",
        ),
        cluster="lisa",
        user="ada",
        times=_times(created),
        biomero_version="3.0.0.dev0",
        parameters={"min_area": 30, "diameter": 12.5} if parameters is None else parameters,
        images=images
        or (
            ImageRecord(
                index=0,
                name="nuclei",
                source=source,
                sha256="12" * 32,
                staged_name="nuclei.ome.tif",
                stages=ALL_DONE,
                objects=125,
            ),
        ),
        jobs=(_job("conversion", 11, 6.0), _job("workflow", 12, 42.0)),
        outputs=(
            OutputRecord(
                path="labels/nuclei.ome.tif",
                sha256="34" * 32,
                size=1234,
                kind=OutputKind.LABEL,
                image=0,
                objects=125,
            ),
        )
        if outputs is None
        else outputs,
        counts=RunCounts(ssh_logins=1, remote_commands=9, status_polls=4),
        logs=("logs/conversion-11.log", "logs/workflow-12.log"),
    )


def a_failed_document(
    *, log_tail: tuple[str, ...] = ("loading model", "ValueError: no nuclei")
) -> RunDocument:
    """Return the document of a run whose container ended with exit code 1."""
    task = TaskReport(
        index=None,
        state=JobState.FAILED,
        reason="NonZeroExitCode",
        exit_code=1,
        signal=0,
        usage=JobUsage(elapsed_s=3, cpu_s=2.0, max_memory_mb=80.0, node="n2"),
    )
    well = a_document(outputs=())
    return RunDocument(
        id=well.id,
        status=RunStatus.FAILED,
        workflow=well.workflow,
        cluster=well.cluster,
        user=well.user,
        times=well.times,
        biomero_version=well.biomero_version,
        parameters=well.parameters,
        images=(
            ImageRecord(
                index=0,
                name="nuclei",
                source="/home/ada/nuclei.tif",
                staged_name="nuclei.ome.tif",
                stages={
                    **ALL_DONE,
                    ImageStage.ANALYSED: StageStatus.FAILED,
                    ImageStage.DELIVERED: StageStatus.PENDING,
                },
            ),
        ),
        jobs=(
            well.jobs[0],
            JobRecord(
                key=JobKey("run-workflow-1"),
                step="workflow",
                cluster="lisa",
                job_id=SlurmJobId(12),
                tasks=(task,),
                logs=("logs/workflow-12.log",),
            ),
        ),
        failure=classify_task(task, step=JobStep.WORKFLOW, log_tail=log_tail),
        counts=well.counts,
        logs=well.logs,
    )


def _job(step: str, job_id: int, seconds: float) -> JobRecord:
    task = TaskReport(
        index=None,
        state=JobState.COMPLETED,
        exit_code=0,
        signal=0,
        usage=JobUsage(elapsed_s=int(seconds), cpu_s=seconds * 1.7, max_memory_mb=512.5, node="n1"),
    )
    return JobRecord(
        key=JobKey(f"run-{step}-1"),
        step=step,
        cluster="lisa",
        job_id=SlurmJobId(job_id),
        tasks=(task,),
        logs=(f"logs/{step}-{job_id}.log",),
    )


def _times(created: datetime) -> RunTimes:
    steps, at = [], created
    for name, seconds in [
        ("exporting", 2.5), ("staging", 1.2), ("converting", 7.0), ("queued", 11.0),
        ("running", 42.3), ("fetching", 0.8), ("importing", 3.1),
    ]:  # fmt: skip
        steps.append(StepTiming(name=name, started=at, seconds=seconds))
        at += timedelta(seconds=seconds)
    return RunTimes(created=created, finished=at, steps=tuple(steps))
