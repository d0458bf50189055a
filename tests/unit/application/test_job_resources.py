"""Whose word counts on what a workflow's job asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomero.application.engine.analyse import job_resources
from biomero.application.run_request import RunRequest
from biomero.application.settings import ClusterSettings, Settings, WorkflowSettings
from biomero.domain.descriptor import DescriptorFormat, WorkflowDescriptor, WorkflowResources
from biomero.domain.job import JobResources
from biomero.domain.resources import merge_resources

CLUSTER = ClusterSettings(
    resources=JobResources(partition="main", account="imaging"),
    gpu=JobResources(partition="gpu", gres="gpu:a100:1"),
)


def asked(workflow: WorkflowSettings | None, *, needs_gpu: bool = False, **request: str) -> JobResources:
    here = Path("/nowhere")
    descriptor = WorkflowDescriptor(
        name="cells",
        description="",
        container_image=None,
        command_line=(),
        parameters=(),
        format=DescriptorFormat.BIOMERO_SCHEMA,
        resources=WorkflowResources(gpu=needs_gpu),
    )
    settings = Settings(
        state_folder=here,
        cache_folder=here,
        shipped_workflows=here,
        workflows={} if workflow is None else {"cells": workflow},
    )
    order = RunRequest(
        workflow="cells",
        workflow_name="cells",
        workflow_version="1",
        workflow_file=here,
        parameters={},
        images=(),
        results=here,
        resources=JobResources(**request),  # type: ignore[arg-type] # texts by name
    )
    return job_resources(settings, CLUSTER, descriptor, order)


@pytest.mark.parametrize(
    ("workflow", "needs_gpu", "partition", "gres", "gpus"),
    [
        (None, False, "main", None, None),
        (None, True, "gpu", "gpu:a100:1", None),
        (WorkflowSettings(reference="x", uses_gpu=True), False, "gpu", "gpu:a100:1", None),
        (
            WorkflowSettings(reference="x", uses_gpu=True, resources=JobResources(partition="own", gpus="2")),
            True,
            "own",
            None,
            "2",
        ),
    ],
)
def test_a_gpu_is_asked_for_in_one_way(
    workflow: WorkflowSettings | None, *, needs_gpu: bool, partition: str, gres: str | None, gpus: str | None
) -> None:
    found = asked(workflow, needs_gpu=needs_gpu)
    assert (found.partition, found.gres, found.gpus) == (partition, gres, gpus)
    assert asked(workflow, needs_gpu=needs_gpu, partition="mine").partition == "mine"


def test_other_generic_resources_stay_beside_gpus() -> None:
    merged = merge_resources(JobResources(gres="lustre:1"), JobResources(gpus="1"))
    assert (merged.gres, merged.gpus) == ("lustre:1", "1")


@pytest.mark.parametrize(
    ("voices", "merged"),
    [
        (
            (JobResources(memory_mb=5120), JobResources(extra={"mem-per-cpu": "2G"})),
            JobResources(extra={"mem-per-cpu": "2G"}),
        ),
        (
            (JobResources(extra={"mem-per-cpu": "2G"}), JobResources(memory_mb=5120)),
            JobResources(memory_mb=5120),
        ),
        (
            (JobResources(cpus=4), JobResources(gpus="1", extra={"cpus-per-gpu": "8"})),
            JobResources(gpus="1", extra={"cpus-per-gpu": "8"}),
        ),
        (
            (JobResources(time_limit_min=45), JobResources(extra={"time": "UNLIMITED", "exclusive": ""})),
            JobResources(extra={"time": "UNLIMITED", "exclusive": ""}),
        ),
        (
            (JobResources(extra={"time": "UNLIMITED", "exclusive": ""}), JobResources(time_limit_min=45)),
            JobResources(time_limit_min=45, extra={"exclusive": ""}),
        ),
    ],
)
def test_what_slurm_takes_in_one_way_only_is_asked_for_in_the_last_one(
    voices: tuple[JobResources, ...], merged: JobResources
) -> None:
    assert merge_resources(*voices) == merged
