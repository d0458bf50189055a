"""Settings from files and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomero.adapters.config import config_paths, load_settings, resources_from, write_path
from biomero.adapters.config.ini_text import read_ini
from biomero.adapters.config.layers import Layer
from biomero.adapters.config.workflow_keys import merge_workflow_keys
from biomero.application.settings import Settings
from biomero.bootstrap import open_catalogue
from biomero.domain.job import JobResources
from biomero.errors import ConfigurationError, UnknownWorkflowError

ADDRESS = "https://github.com/o/W_t/tree/v1"


def written(tmp_path: Path, text: str, name: str = "slurm-config.ini") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def loaded(tmp_path: Path, text: str, **environment: str) -> Settings:
    return load_settings(written(tmp_path, text), environment=environment, files=(), base=None)


def test_without_a_cluster_jobs_run_on_this_machine(tmp_path: Path) -> None:
    found = load_settings(environment={"BIOMERO_STATE": str(tmp_path)}, files=())
    assert found.cluster.is_local
    assert found.cluster.data_path == f"{tmp_path}/cluster"
    assert found.clusters == {}


def test_the_file_that_comes_along_has_nothing_but_workflows() -> None:
    found = load_settings(environment={}, files=())
    assert {"cellpose", "stardist", "cellexpansion", "nuclei_measurements"} <= set(found.workflows)
    assert all(w.is_brought_along and w.reference.startswith("https://") for w in found.workflows.values())
    assert found.warnings == ()


def test_an_alias_has_the_settings_for_all_clusters(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "[SLURM]\nslurm_data_path=/scratch/b\nslurm_default_partition=main\nslurm_conversion_partition=short\n"
        "sbatch_account=imaging\nsbatch_mem=4G\nsbatch_wckey=omero\nsbatch_exclusive\n",
    )
    assert load_settings(path, environment={}, files=()).cluster.is_local
    cluster = load_settings(path, cluster="lisa", environment={}, files=()).cluster
    assert (cluster.name, cluster.ssh_host) == ("lisa", "lisa")
    assert cluster.data_path == "/scratch/b"
    assert cluster.images_path == "my-scratch/singularity_images/workflows"
    assert cluster.resources == JobResources(
        partition="main", account="imaging", memory_mb=4096, extra={"wckey": "omero", "exclusive": ""}
    )
    assert cluster.conversion_resources.partition == "short"


def test_runs_go_to_the_host_that_a_file_names(tmp_path: Path) -> None:
    path = written(tmp_path, "[SSH]\nhost = lisa\n")
    assert load_settings(path, environment={}, files=()).cluster.ssh_host == "lisa"
    assert load_settings(path, cluster="local", environment={}, files=()).cluster.is_local
    assert load_settings(path, cluster="slurm", environment={}, files=()).cluster.ssh_host == "lisa"
    assert load_settings(path, cluster="bart", environment={}, files=()).cluster.ssh_host == "bart"


def test_the_documented_client_has_a_cluster_where_no_file_names_one() -> None:
    assert load_settings(otherwise="slurm", environment={}, files=()).cluster.ssh_host == "slurm"


def test_a_further_cluster_inherits_and_overrides(tmp_path: Path) -> None:
    text = (
        "[SSH]\nhost=lisa\n[SLURM]\nslurm_data_path=/a\nsbatch_qos=low\nsbatch_mem=1G\ngpu_gres=gpu:1\n"
        "[CLUSTER big]\nhost=big-login\ndefault=yes\nslurm_data_path=/b\nsbatch_mem=9G\ngpu_gpus=2\n"
        "[CLUSTER spare]\n"
        f"[WORKFLOWS]\nw_repo={ADDRESS}\nw_cluster=slurm\nv_repo={ADDRESS}\nv_cluster=local\n"
    )
    found = loaded(tmp_path, text)
    assert list(found.clusters) == ["slurm", "big", "spare"]
    assert (found.clusters["spare"].ssh_host, found.clusters["spare"].data_path) == ("lisa", "/a")
    assert found.cluster == found.clusters["big"]
    assert (found.cluster.ssh_host, found.cluster.data_path) == ("big-login", "/b")
    assert (found.cluster.resources.memory_mb, found.cluster.resources.qos) == (9216, "low")
    assert (found.cluster.gpu.gpus, found.cluster.gpu.gres) == ("2", None)
    assert found.clusters["slurm"].gpu.gres == "gpu:1"
    path = tmp_path / "slurm-config.ini"
    by_workflow = {
        name: load_settings(path, workflow=name, environment={}, files=()).cluster.name
        for name in ("w", "v", "other")
    }
    assert by_workflow == {"w": "slurm", "v": "local", "other": "big"}
    assert load_settings(path, workflow="w", cluster="big", environment={}, files=()).cluster.name == "big"


def test_later_files_override_key_by_key_and_the_environment_overrides_files(tmp_path: Path) -> None:
    first = written(tmp_path, "[SLURM]\nimage_pull_cpus=1\nimage_pull_mem=1G\nslurm_data_path=/a\n", "1.ini")
    second = written(tmp_path, "[SLURM]\nimage_pull_mem=2G\nslurm_data_path=\n", "2.ini")
    environment = {
        "BIOMERO_PULL_CPUS": "3",
        "BIOMERO_PULL_MEM": "",
        "GPU_GRES": "old",
        "BIOMERO_GPU_GRES": "new",
    }
    found = load_settings(second, cluster="x", environment=environment, files=(first,)).cluster
    assert (found.pulls.resources.cpus, found.pulls.resources.memory_mb) == (3, 2048)
    assert found.data_path == "my-scratch/data"
    assert found.gpu.gres == "new"


def test_one_file_can_be_all_there_is(tmp_path: Path) -> None:
    usual = written(tmp_path, "[SSH]\nhost=usual\n", "usual.ini")
    only = written(tmp_path, "[SSH]\nhost=only\n", "only.ini")
    other = written(tmp_path, "[SSH]\nhost=other\n", "other.ini")
    environment = {"BIOMERO_SLURM_CONFIG_FILE": str(only)}
    found = load_settings(other, environment=environment, files=(usual,))
    assert found.cluster.ssh_host == "only"
    assert found.workflows == {}
    assert [w for w in found.warnings if str(other) in w]
    assert config_paths(other, environment=environment, files=(usual,)) == (only,)
    assert write_path(other, environment=environment) == only
    assert config_paths(other, environment={}, files=(usual,)) == (usual, other)
    assert write_path(environment={}) == Path("~/slurm-config.ini").expanduser()


def test_percent_signs_are_text_and_old_escapes_are_understood(tmp_path: Path) -> None:
    for text in ("postgresql://me:a%40b@db/x", "postgresql://me:a%%40b@db/x"):
        found = loaded(tmp_path, f"[ANALYTICS]\nsqlalchemy_url = {text}\n")
        assert found.analytics.database_url == "postgresql://me:a%40b@db/x"


def test_a_secret_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    secret = written(tmp_path, "sqlite:///a\n", "secret")
    low = written(tmp_path, "[ANALYTICS]\nsqlalchemy_url=sqlite:///low\n", "low.ini")
    high = written(tmp_path, f"[ANALYTICS]\nsqlalchemy_url_file={secret}\n", "high.ini")

    def url(*files: Path, **environment: str) -> str | None:
        return load_settings(files=files, environment=environment).analytics.database_url

    assert url(low, high) == "sqlite:///a"
    assert url(high, low) == "sqlite:///low"
    assert url(low, SQLALCHEMY_URL_FILE=str(secret)) == "sqlite:///a"
    assert url(high, SQLALCHEMY_URL="sqlite:///b", SQLALCHEMY_URL_FILE="/nowhere") == "sqlite:///b"


def test_paths_below_home_and_the_old_default_of_the_zip_command_are_understood(tmp_path: Path) -> None:
    text = (
        "[SSH]\nhost=x\n[SLURM]\nslurm_data_path=$HOME/data\nslurm_images_path=~/images\n"
        "slurm_zip_cmd=$(command -v 7z || command -v 7za)\n"
    )
    found = loaded(tmp_path, text).cluster
    assert (found.data_path, found.images_path, found.zip_command) == ("data", "images", None)


def test_workflows_and_their_resources_are_read_in_any_order(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        f"[WORKFLOWS]\nmy_job_tool_job_time=1:00:00\nmy_job_tool_job_exclusive\nmy_job_tool_repo={ADDRESS}?x=%41\n"
        "my_job_tool_job=jobs/my.sh\nmy_job_tool=tools/my\nmy_job_tool_use_gpu=true\nmy_job_tool_job_mem=\n",
    ).workflows["my_job_tool"]
    assert found.reference == f"{ADDRESS}?x=%41"
    assert found.resources == JobResources(time_limit_min=60, extra={"exclusive": ""})
    assert found.job_flags == {"time": "1:00:00", "exclusive": "", "mem": ""}
    assert (found.job_script, found.image_folder, found.uses_gpu) == ("jobs/my.sh", "tools/my", True)


def test_a_time_without_a_limit_is_one_for_sbatch(tmp_path: Path) -> None:
    found = loaded(tmp_path, "[SSH]\nhost=x\n[SLURM]\nsbatch_time = unlimited\n").cluster.resources
    assert found == JobResources(extra={"time": "UNLIMITED"})


def test_the_home_folder_of_nobody_leads_nowhere(tmp_path: Path) -> None:
    text = "[SSH]\nhost=x\n[SLURM]\nssh_config=~nobody-here/config\n[WORKFLOWS]\na_repo=~nobody-here/a\n"
    found = loaded(tmp_path, text)
    assert found.cluster.ssh_config == Path("~nobody-here/config")
    assert found.workflows["a"].reference == str(tmp_path / "~nobody-here/a")
    with pytest.raises(UnknownWorkflowError, match="no such file"):
        open_catalogue(found).find("~nobody-here/a")


def test_the_newer_name_of_a_section_wins_within_a_file_and_a_later_file_over_both(tmp_path: Path) -> None:
    first = written(tmp_path, f"[WORKFLOWS]\na_repo={ADDRESS}1\n[MODELS]\na_repo={ADDRESS}0\n", "1.ini")
    second = written(tmp_path, f"[MODELS]\na_repo={ADDRESS}2\n", "2.ini")
    assert load_settings(first, environment={}, files=()).workflows["a"].reference == f"{ADDRESS}1"
    assert load_settings(second, environment={}, files=(first,)).workflows["a"].reference == f"{ADDRESS}2"


def test_workflows_can_be_taken_away(tmp_path: Path) -> None:
    base = written(
        tmp_path,
        "[WORKFLOWS]\n" + "".join(f"{n}_repo={ADDRESS}\n{n}_job_mem=1G\n" for n in "abcd"),
        "base.ini",
    )

    def names(*texts: str) -> dict[str, int | None]:
        files = [written(tmp_path, f"[WORKFLOWS]\n{text}", f"{i}.ini") for i, text in enumerate(texts)]
        found = load_settings(files=(base, *files), environment={}, base=None).workflows
        return {name: workflow.resources.memory_mb for name, workflow in found.items()}

    assert names("remove = a, B\n") == {"c": 1024, "d": 1024}
    assert names("remove = a\n", "remove = d\n") == {"b": 1024, "c": 1024}
    assert names("remove = *\n", f"a_repo={ADDRESS}\n") == {"a": None}
    assert names(f"remove = *\ne_repo={ADDRESS}\n") == {"e": None}
    assert names(f"remove = e\ne_repo={ADDRESS}\n") == dict.fromkeys("abcd", 1024)
    assert names("a_enabled = false\n", "b_repo =\n") == {"c": 1024, "d": 1024}
    assert names("a_enabled = false\n", "a_enabled = true\n") == dict.fromkeys("abcd", 1024)


def test_a_path_counts_from_the_folder_of_its_file(tmp_path: Path) -> None:
    found = loaded(tmp_path, "[WORKFLOWS]\na_repo=mine/a\nb_repo=/b\nc_repo=nuclei-segmentation\n").workflows
    assert {n: w.reference for n, w in found.items()} == {
        "a": str(tmp_path / "mine" / "a"),
        "b": "/b",
        "c": "nuclei-segmentation",
    }


NAMES = st.text(alphabet="ab1_-", min_size=1, max_size=8).filter(
    lambda n: n[0] not in "-_"
) | st.sampled_from(
    ["my_job_tool", "x_repo_y", "my", "a_job", "b_use_gpu", "x_enabled_2", "Seg-3D", "job", "repo_b"]
)


def is_plain(names: list[str]) -> bool:
    """Whether each key can be of one workflow only: some names are the keys of others."""
    keys = [
        f"{n}{s}"
        for n in names
        for s in ("", "_repo", "_job", "_job_mem", "_use_gpu", "_cluster", "_enabled")
    ]
    return len(keys) == len(set(keys)) and not any(
        other.startswith(f"{name}_job_") for name in names for other in names
    )


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_mix_of_names_in_any_order_is_read(data: st.DataObject) -> None:
    names = data.draw(st.lists(NAMES, min_size=1, max_size=5, unique_by=str.lower))
    names = [n for n in names if is_plain([n.lower(), *(o.lower() for o in names if o != n)])]
    lines = data.draw(
        st.permutations(
            [
                f"{n}{key}"
                for n in names
                for key in (f" = f/{n}", f"_repo = {ADDRESS}", "_job_mem = 5G", "_use_gpu = on")
            ]
        )
    )
    merged = merge_workflow_keys([Layer(path=Path("x"), ini=read_ini("[WORKFLOWS]\n" + "\n".join(lines)))])
    assert set(merged.names) == {n.lower() for n in names}
    for name in (n.lower() for n in names):
        roles = {
            parts.role: merged.values[key].text
            for key in merged.values
            if (parts := merged.take_apart(key)) is not None and parts.workflow == name
        }
        assert roles["<workflow>_job_<option>"] == "5G"
        assert roles["<workflow>_use_gpu"] == "on"
        assert (roles["<workflow>"] or "").lower() == f"f/{name}"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"mem": "lots"}, "amount of memory"),
        ({"time": "soon"}, "time limit"),
        ({"time": "0"}, "more than nothing"),
        ({"cpus-per-task": "0"}, "whole number"),
        ({"cpus_per_task": "two"}, "whole number"),
        ({"job-name": "x"}, "sets --job-name itself"),
        ({"test_only": ""}, "sets --test-only itself"),
        ({"clusters": "other"}, "sets --clusters itself"),
    ],
)
def test_a_wrong_resource_is_named(flags: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        resources_from(flags, where="--")
