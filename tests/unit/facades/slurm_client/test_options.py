"""Keywords and attributes of the client, and the settings that they stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomero.errors import ConfigurationError, ParameterError, UnknownWorkflowError
from biomero.slurm_client import Result, SlurmClient, SlurmJob
from services.command import THRESHOLD

REPO = "https://github.com/org/W_blobs/tree/v1.0"


def test_keywords_become_settings() -> None:
    client = SlurmClient(
        host="mycluster",
        slurm_data_path="/scratch/data",
        slurm_default_partition="cpu",
        slurm_conversion_partition="short",
        slurm_global_job_params=[" --account=imaging", " --exclusive"],
        gpu_partition="gpu",
        gpu_gres="gpu:1",
        slurm_model_repos={"blobs": REPO},
        slurm_model_paths={"blobs": "blobs"},
        slurm_model_jobs={"blobs": "jobs/blobs.sh"},
        slurm_model_jobs_params={"blobs": [" --mem=16G"]},
        slurm_model_use_gpu={"blobs": True},
        slurm_image_pull_via_sbatch=True,
        image_pull_mem="8G",
        sqlalchemy_url="sqlite:///x.sqlite",
        config_only=True,
    )
    settings = client._settings
    cluster = settings.cluster
    assert (cluster.name, cluster.ssh_host, cluster.data_path) == ("mycluster", "mycluster", "/scratch/data")
    assert cluster.resources.partition == "cpu"
    assert cluster.conversion_resources.partition == "short"
    assert cluster.resources.account == cluster.conversion_resources.account == "imaging"
    assert cluster.resources.extra == {"exclusive": ""}
    assert (cluster.gpu.partition, cluster.gpu.gres, cluster.gpu.gpus) == ("gpu", "gpu:1", None)
    assert cluster.pulls.as_job
    assert cluster.pulls.resources.memory_mb == 8192
    blobs = settings.workflows["blobs"]
    assert blobs.reference == REPO
    assert blobs.resources.memory_mb == 16384
    assert blobs.uses_gpu
    assert blobs.image_folder == "blobs"
    assert settings.analytics.database_url == "sqlite:///x.sqlite"


def test_an_attribute_that_a_script_changes_counts_from_then_on() -> None:
    client = SlurmClient(config_only=True)
    client.analytics_rebuild_days_ago = 30
    client.slurm_data_path = "elsewhere"
    assert client._settings.analytics.rebuild_days_ago == 30
    assert client._settings.cluster.data_path == "elsewhere"


def test_a_file_of_settings_becomes_plain_attributes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "own.ini"
    file.write_text(
        "[SSH]\nhost = lisa\n"
        "[SLURM]\nslurm_data_path = /scratch/data\nsbatch_account = imaging\nslurm_default_partition = cpu\n"
        f"[MODELS]\nblobs = blobs\nblobs_repo = {REPO}\nblobs_job = jobs/blobs.sh\nblobs_job_mem = 16G\n"
    )
    client = SlurmClient.from_config(str(file), config_only=True)
    assert client.host == "lisa"
    assert client.slurm_data_path == "/scratch/data"
    assert client.slurm_global_job_params == [" --account=imaging"]
    assert client.slurm_default_partition == "cpu"
    assert client.slurm_model_repos["blobs"] == REPO
    assert client.slurm_model_jobs["blobs"] == "jobs/blobs.sh"
    assert client.slurm_model_jobs_params["blobs"] == [" --mem=16G"]
    assert client.slurm_model_paths["blobs"] == "blobs"
    assert type(client.slurm_model_repos) is dict
    assert client._settings.workflows["blobs"].resources.memory_mb == 16384


def test_two_ways_to_ask_for_gpus_are_refused() -> None:
    with pytest.raises(ValueError, match="one of them"):
        SlurmClient(gpu_gres="gpu:1", gpu_gpus="1")


def test_a_broken_option_names_itself() -> None:
    client = SlurmClient(slurm_global_job_params=["mem=4G"])
    with pytest.raises(ConfigurationError, match="mem=4G"):
        _ = client._settings


def test_what_is_not_obeyed_is_said(caplog: pytest.LogCaptureFixture) -> None:
    SlurmClient(connect_kwargs={"password": "secret"}, gateway="jump")
    assert "connect_kwargs" in caplog.text
    assert "ProxyJump" in caplog.text
    assert "secret" not in caplog.text


def test_only_configuration_means_no_network_and_no_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOMERO_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SQLALCHEMY_URL", "postgresql://nobody:secret@127.0.0.1:1/none")
    with SlurmClient(host="no-such-host.invalid", config_only=True, init_slurm=True) as client:
        assert client.workflowTracker.initiate_workflow("a", "b", 1, 1) is None
        assert not client.is_connected
    assert not (tmp_path / "state").exists()


def test_commands_for_scripts() -> None:
    client = SlurmClient(
        slurm_model_repos={"blobs": REPO},
        slurm_model_jobs={"blobs": "jobs/blobs.sh"},
        slurm_model_jobs_params={"blobs": [" --mem=16G"]},
        slurm_model_images={"blobs": "org/blobs"},
        slurm_model_paths={"blobs": "blobs"},
        slurm_default_partition="cpu",
        config_only=True,
    )
    command, env = client.get_workflow_command(
        "blobs", "v1.0", "folder", email="a@b.c;id", time="01:00:00", diameter="$(id)", unset=None
    )
    assert command == (
        "sbatch --mem=16G --partition=cpu --time=01:00:00 '--mail-user=a@b.c;id' slurm-scripts/jobs/blobs.sh"
    )
    assert env == {
        "DATA_PATH": "my-scratch/data/folder",
        "IMAGE_PATH": "my-scratch/singularity_images/workflows/blobs",
        "IMAGE_VERSION": "v1.0",
        "SINGULARITY_IMAGE": "blobs_v1.0.sif",
        "SCRIPT_PATH": "slurm-scripts",
        "DIAMETER": "$(id)",
    }


@pytest.mark.parametrize("default", ["cpu", "conv"])
def test_a_conversion_is_told_its_partition_and_what_containers_see(default: str) -> None:
    client = SlurmClient(
        slurm_conversion_partition="conv", slurm_data_bind_path="/data", slurm_default_partition=default
    )
    command, env, _, _ = client.get_conversion_command("folder", "config_folder.txt")
    assert "--partition=conv " in command
    assert (env["CONVERSION_PARTITION"], env["APPTAINER_BINDPATH"]) == ("conv", "/data")
    plain = SlurmClient(slurm_default_partition="cpu").get_conversion_command("folder", "c.txt")[1]
    assert not {"CONVERSION_PARTITION", "APPTAINER_BINDPATH"} & plain.keys()


@pytest.mark.parametrize("name", ["nuclei-segmentation", "a"])
def test_a_workflow_that_says_its_parameters_says_its_command(name: str) -> None:
    client = SlurmClient(slurm_model_repos={"a": str(THRESHOLD)}, config_only=True)
    assert client.get_workflow_parameters(name)
    assert client.get_workflow_command(name, "v1", "folder")[0] == f"sbatch slurm-scripts/jobs/{name}.sh"


def test_a_workflow_that_nobody_knows_has_neither_parameters_nor_a_command() -> None:
    client = SlurmClient(config_only=True)
    with pytest.raises(UnknownWorkflowError, match="nuclei-segmentation"):
        client.get_workflow_command("no-such", "v1", "folder")
    with pytest.raises(UnknownWorkflowError):
        client.get_workflow_parameters("no-such")


def test_only_numbers_are_asked_about() -> None:
    client = SlurmClient(config_only=True)
    assert client.get_job_status_command([7, "8"]) == "sacct -n -o JobId,State,End -X -j 7 -j 8"
    with pytest.raises(ParameterError, match="1;id"):
        client.get_job_status_command(["1;id"])


def test_workflows_that_are_named_later_are_found() -> None:
    client = SlurmClient(slurm_model_repos={"a": str(THRESHOLD)}, config_only=True)
    assert client.get_workflow_parameters("a")
    client.slurm_model_repos["b"] = str(THRESHOLD)
    assert client.get_workflow_parameters("b") == client.get_workflow_parameters("a")
    client.slurm_model_repos = {"c": str(THRESHOLD)}
    assert client.get_workflow_parameters("c")


def test_a_window_of_very_many_days_is_all_that_there_is() -> None:
    client = SlurmClient(sacct_days_ago=999_999, config_only=True)
    assert "--starttime 1970-01-01 " in client.get_jobs_info_command()


@pytest.mark.parametrize("name", ["path", "bash_env", "BASH-ENV", "data_path", "ld_preload", "slurm_conf"])
def test_no_parameter_takes_the_place_of_a_variable_with_a_meaning(name: str) -> None:
    client = SlurmClient(config_only=True)
    with pytest.raises(ParameterError, match="is taken"):
        client.workflow_params_to_envvars(**{name: "$(touch pwned)"})


@pytest.mark.parametrize(("ok", "state"), [(True, "COMPLETED"), (False, "FAILED")])
def test_without_a_job_waiting_ends_as_submitting_did(ok: bool, state: str) -> None:  # noqa: FBT001 - a row above
    job = SlurmJob(Result(exited=0 if ok else 1, stderr="" if ok else "refused"), 0 if ok else -1, None, None)
    assert job.wait_for_completion(SlurmClient(config_only=True), None) == state
    assert (job.completed(), job.get_error()) == (ok, "" if ok else "refused")
