"""What files in the published styles mean, value by value."""

from __future__ import annotations

from pathlib import Path

from biomero.adapters.config import load_settings
from biomero.application.settings import (
    AnalyticsSettings,
    ClusterSettings,
    PullSettings,
    Settings,
    WorkflowSettings,
)
from biomero.domain.job import JobResources

SAMPLES = Path(__file__).parents[3] / "fixtures" / "config"
GITHUB = "https://github.com"


def sample(name: str) -> Settings:
    found = load_settings(SAMPLES / f"{name}.ini", environment={}, files=())
    assert found.warnings == ()
    assert found.cluster == found.clusters["slurm"]
    return found


def own(found: Settings) -> dict[str, WorkflowSettings]:
    return {name: workflow for name, workflow in found.workflows.items() if not workflow.is_brought_along}


def test_the_style_of_the_workers_container() -> None:
    found = sample("container-default")
    assert found.cluster == ClusterSettings(
        name="slurm",
        ssh_host="localslurm",
        data_path="/data/my-scratch/data",
        images_path="/data/my-scratch/singularity_images/workflows",
        converters_path="/data/my-scratch/singularity_images/converters",
        script_path="/data/my-scratch/slurm-scripts",
        pulls=PullSettings(resources=JobResources(cpus=8, memory_mb=32 * 1024)),
    )
    assert found.analytics == AnalyticsSettings()
    assert found.converters == {"zarr_to_tiff": "example/convert_zarr_to_tiff:1.14.0"}
    assert own(found) == {
        "cellpose": WorkflowSettings(
            reference=f"{GITHUB}/TorecLuik/W_NucleiSegmentation-Cellpose/tree/v1.4.0",
            resources=JobResources(memory_mb=15 * 1024),
            image_folder="cellpose",
            job_script="jobs/cellpose.sh",
            job_flags={"mem": "15GB"},
        ),
        "stardist5d": WorkflowSettings(
            reference=f"{GITHUB}/maartenpaul/W_NucleiSegmentation-Stardist5d/tree/v1.2.1",
            image_folder="stardist5d",
            job_script="jobs/stardist5d.sh",
        ),
    }


def test_the_style_of_a_local_slurm() -> None:
    found = sample("local-slurm")
    assert found.cluster == ClusterSettings(
        name="slurm",
        ssh_host="slurm",
        data_path="my-scratch/data",
        images_path="my-scratch/singularity_images/workflows",
        script_path="my-scratch/slurm-scripts",
        data_bind_path="/data/my-scratch/data",
        conversion_partition="normal",
        accounting_start="2024-01-01",
    )
    assert found.analytics == AnalyticsSettings(
        enable_job_accounting=False,
        enable_workflow_analytics=False,
        database_url="postgresql+psycopg2://biomero:pa%24s@database-biomero:5432/biomero",
        rebuild_days_ago=30,
    )
    workflows = own(found)
    assert set(workflows) == {"cellpose", "nuclei_measurements", "mine_2d-test"}
    assert workflows["cellpose"].resources == JobResources(memory_mb=4096)
    assert workflows["nuclei_measurements"].resources == JobResources(memory_mb=32 * 1024, time_limit_min=60)
    assert workflows["mine_2d-test"] == WorkflowSettings(
        reference=f"{GITHUB}/example/W_Mine/tree/v0.1",
        resources=JobResources(cpus=2),
        image_folder="mine",
        job_script="jobs/mine.sh",
        job_flags={"cpus-per-task": "2"},
    )
    assert "deepcell" not in found.workflows
    assert "stardist" in found.workflows


def test_the_style_of_a_cluster_in_a_cloud() -> None:
    found = sample("cloud")
    everywhere = JobResources(
        partition="cpu", account="imaging", exclude="node[07-09]", extra={"requeue": ""}
    )
    assert found.cluster == ClusterSettings(
        name="slurm",
        ssh_host="cloud",
        data_path="/mnt/shared/biomero/data",
        images_path="/mnt/shared/biomero/images",
        converters_path="/mnt/shared/biomero/converters",
        script_path="/mnt/shared/biomero/scripts",
        resources=everywhere,
        gpu=JobResources(partition="gpu", gpus="1"),
        injects_gpu_flag=True,
        accounting_days=7,
        pulls=PullSettings(
            as_job=True,
            resources=JobResources(cpus=4, memory_mb=16 * 1024, partition="cpu"),
            temporary_folder="/mnt/local/tmp",
            cache_folder="/mnt/shared/cache",
        ),
        zip_command="zip",
    )
    assert found.analytics == AnalyticsSettings(rebuild_start_time="2025-01-01")
    assert own(found) == {
        "cellpose": WorkflowSettings(
            reference=f"{GITHUB}/TorecLuik/W_NucleiSegmentation-Cellpose/tree/v1.4.0",
            resources=JobResources(time_limit_min=120),
            image_folder="cellpose",
            job_script="jobs/cellpose.sh",
            job_flags={"time": "02:00:00"},
            uses_gpu=True,
        )
    }
