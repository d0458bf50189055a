"""Settings from slurm-config.ini."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomero.adapters.config import load_settings, resources_from
from biomero.domain.job import JobResources
from biomero.errors import ConfigurationError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "slurm-config.ini"
    path.write_text(text)
    return path


def test_without_a_cluster_jobs_run_on_this_machine(tmp_path: Path) -> None:
    settings = load_settings(environment={"BIOMERO_STATE": str(tmp_path)}, files=())
    assert settings.cluster.is_local
    assert settings.cluster.data_path == f"{tmp_path}/cluster"


def test_the_keys_of_a_cluster_are_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "[SLURM]\nslurm_data_path=/scratch/b\nslurm_default_partition=main\nslurm_conversion_partition=short\n"
        "sbatch_account=imaging\nsbatch_mem=4G\nsbatch_wckey=omero\n",
    )
    cluster = load_settings(path, cluster="lisa", environment={}, files=()).cluster
    assert cluster.ssh_host == "lisa"
    assert cluster.data_path == "/scratch/b"
    assert cluster.images_path == "my-scratch/singularity_images/workflows"
    assert cluster.resources == JobResources(
        partition="main", account="imaging", memory_mb=4096, extra={"wckey": "omero"}
    )
    assert cluster.conversion_resources.partition == "short"


def test_workflows_and_their_resources_are_read_in_any_order(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "[WORKFLOWS]\nmy_job_tool_job_time=1:00:00\nmy_job_tool_repo=https://github.com/o/W_t/tree/v1?x=%41\n",
    )
    found = load_settings(path, environment={}, files=()).workflows
    assert found["my_job_tool"].reference == "https://github.com/o/W_t/tree/v1?x=%41"
    assert found["my_job_tool"].resources.time_limit_min == 60


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"mem": "lots"}, "amount of memory"),
        ({"time": "soon"}, "time limit"),
        ({"time": "0"}, "more than nothing"),
        ({"cpus-per-task": "0"}, "whole number"),
        ({"cpus_per_task": "two"}, "whole number"),
        ({"job-name": "x"}, "sets --job-name itself"),
    ],
)
def test_a_wrong_resource_is_named(flags: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        resources_from(flags, where="--")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.ini"):
        load_settings(tmp_path / "nowhere.ini", environment={}, files=())


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "no section\n")
    with pytest.raises(ConfigurationError, match=r"slurm-config\.ini"):
        load_settings(path, environment={}, files=())
