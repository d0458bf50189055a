"""The documented client at a real login node: commands, files, whether it can be reached."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from biomero.errors import RemoteCommandError
from biomero.slurm_client import SlurmClient
from services.slurm_lab import SlurmLab

pytestmark = [pytest.mark.slurm, pytest.mark.sshd]


def test_a_reachable_cluster_is_valid(client: SlurmClient) -> None:
    assert not client.is_connected
    assert client.validate() is True
    assert client.is_connected


@pytest.mark.timeout(15)  # promised to callers, who put the answer into a dialog
def test_a_cluster_whose_sshd_is_stopped_is_not_valid(
    settings_file: Path, slurm_lab: SlurmLab, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = slurm_lab.ssh_config.read_text().splitlines()
    closed = tmp_path / "ssh_config"  # a port that nobody listens at: the lab's sshd serves other tests too
    closed.write_text("\n".join("  Port 1" if line.strip().startswith("Port ") else line for line in config))
    settings_file.write_text(settings_file.read_text().replace(str(slurm_lab.ssh_config), str(closed)))
    with SlurmClient.from_config(str(settings_file)) as client:
        assert client.validate() is False
    assert "no connection" in caplog.text


def test_commands_of_a_script_run_in_a_shell(client: SlurmClient) -> None:
    result = client.run("echo $GREETING; pwd >&2", env={"GREETING": "a b; $(id)"})
    assert (result.ok, result.exited, result.stdout) == (True, 0, "a b; $(id)\n")
    assert set(result.__dict__) >= {"command", "stdout", "stderr", "exited", "env"}
    both = client.run_commands(["cd /", "pwd"])
    assert both.stdout == "/\n"
    assert client.run_commands_split_out(["cd /usr", "pwd", "echo x"]) == ["", "/usr\n", "x\n"]


def test_a_command_that_fails_raises_unless_the_script_wants_to_see(client: SlurmClient) -> None:
    with pytest.raises(RemoteCommandError, match="status 3"):
        client.run("exit 3")
    assert client.run("exit 3", warn=True).exited == 3
    with pytest.raises(RemoteCommandError):
        client.run_commands(["false", "echo not reached"])


def test_files_go_there_and_back(client: SlurmClient, tmp_path: Path) -> None:
    local = tmp_path / "a b;$(touch pwned).csv"
    local.write_text("1,2\n")
    client.setup_directories()
    folder = client.slurm_data_path
    sent = client.put(local=local, remote=folder)
    assert sent.remote == f"{folder}/{local.name}"
    client.put(io.BytesIO(b"open"), f"{folder}/from memory")
    back = client.get(sent.remote, tmp_path / "back.csv")
    assert Path(back.local).read_text() == "1,2\n"
    assert client.run('cat -- "$F"', env={"F": f"{folder}/from memory"}).stdout == "open"
    assert client.run("ls", warn=True).stdout.split().count("pwned") == 0


def test_a_closed_client_logs_in_again(client: SlurmClient) -> None:
    client.open()
    client.close()
    assert client.run("echo again").stdout == "again\n"


def test_preparing_makes_folders_and_scripts(client: SlurmClient) -> None:
    client.slurm_model_repos = {"nuclei": "nuclei-segmentation"}
    client.slurm_model_jobs = {"nuclei": "jobs/nuclei.sh"}
    assert client.setup_directories().ok
    assert client.setup_job_scripts().ok
    script = client.run(f"cat '{client.slurm_script_path}/jobs/nuclei.sh'").stdout
    assert script.startswith("#!/bin/bash\n#SBATCH")
    assert '"$MIN_AREA"' in script
    checked = client.run(f"bash -n '{client.slurm_script_path}/jobs/nuclei.sh'", warn=True)
    assert checked.ok, checked.stderr
    again = client.update_slurm_scripts()
    assert "jobs/nuclei.sh" in again.stdout
    assert client.list_available_converter_versions() == {}
    versions, data = client.get_all_image_versions_and_data_files()
    assert list(versions) == ["nuclei"]
    assert len(versions["nuclei"]) == 1  # it comes with BIOMERO, and runs without an image
    assert data == []


def test_a_changed_attribute_counts_from_then_on(client: SlurmClient) -> None:
    assert client.setup_directories().ok
    client.slurm_data_path = f"{client.slurm_data_path} elsewhere"
    assert client.setup_directories().ok
    assert client.run('test -d "$F"', env={"F": client.slurm_data_path}, warn=True).ok


def test_lists_of_jobs_are_ids(client: SlurmClient) -> None:
    submitted = client.run("sbatch --wrap true")
    job_id = client.extract_job_id(submitted)
    assert str(job_id) in client.list_all_jobs()
    states, result = client.check_job_status([str(job_id)])
    assert states[job_id] in {"PENDING", "RUNNING", "COMPLETED"}
    assert result.ok


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cluster_is_prepared_whole(client: SlurmClient) -> None:
    client.slurm_model_repos = {"nuclei": "nuclei-segmentation"}
    client.slurm_model_jobs = {"nuclei": "jobs/nuclei.sh"}
    assert client.validate(validate_slurm_setup=True) is True
    assert "nuclei" in client.setup_container_images().stdout


def test_what_cannot_be_had_makes_the_setup_fail_and_names_it(
    client: SlurmClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.slurm_model_repos = {"gone": "https://no-code-host.invalid/org/gone/tree/v1"}
    images = client.setup_container_images()
    assert not images.ok
    assert "gone" in images.stderr
    assert "no-code-host.invalid" in caplog.text
