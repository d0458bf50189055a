"""Configurations that are broken, each with what an admin is told."""
# ruff: noqa: E501 - messages stand here as an admin reads them

from __future__ import annotations

from pathlib import Path

import pytest

from biomero.adapters.config import judge, load_settings, read_configuration
from biomero.errors import ConfigurationError

# each: a name, the file, and the message without the path of the file
BROKEN = [
    ("before a section", "slurm_data_path = x\n", "1: this stands before the first [SECTION]"),
    ("a section twice", "[SLURM]\n[SSH]\n[SLURM]\n", "3: [SLURM] stands here again; it began on line 1"),
    (
        "a key twice",
        "[SLURM]\nslurm_data_path=a\nSLURM_data_path=b\n",
        "3: [SLURM] slurm_data_path: stands twice, here and on line 2",
    ),
    ("no key", "[SLURM]\n= x\n", "2: there is no key before the '='"),
    (
        "going on without a beginning",
        "[SLURM]\nsbatch_exclusive\n   x\n",
        "3: this line is indented, and so belongs to 'sbatch_exclusive', which has no '='",
    ),
    ("two hosts", "[SSH]\nhost = a b\n", "2: [SSH] host: wanted is one word, not 'a b'"),
    ("a host that is an option", "[SSH]\nhost = -F\n", "2: [SSH] host: wanted is one word, not '-F'"),
    (
        "no truth",
        "[SLURM]\nslurm_image_pull_via_sbatch = maybe\n",
        "2: [SLURM] slurm_image_pull_via_sbatch: wanted is true or false, not 'maybe'",
    ),
    (
        "no truth for the views",
        "[ANALYTICS]\ntrack_workflows = 2\n",
        "2: [ANALYTICS] track_workflows: wanted is true or false, not '2'",
    ),
    (
        "no number",
        "[SLURM]\nsacct_days_ago = week\n",
        "2: [SLURM] sacct_days_ago: wanted is a whole number from 0 on, not 'week'",
    ),
    (
        "a negative number",
        "[ANALYTICS]\nanalytics_rebuild_days_ago = -1\n",
        "2: [ANALYTICS] analytics_rebuild_days_ago: wanted is a whole number from 0 on, not '-1'",
    ),
    (
        "too few channels",
        "[SLURM]\nssh_max_channels = 1\n",
        "2: [SLURM] ssh_max_channels: wanted is a whole number from 2 on, not '1'",
    ),
    (
        "no CPUs",
        "[SLURM]\nimage_pull_cpus = 0\n",
        "2: [SLURM] image_pull_cpus: wanted is a whole number from 1 on, not '0'",
    ),
    (
        "no memory",
        "[SLURM]\nimage_pull_mem = much\n",
        "2: [SLURM] image_pull_mem: wanted is an amount of memory, such as 8G or 500M, not 'much'",
    ),
    (
        "no day",
        "[SLURM]\nsacct_start_time = 01-02-2024\n",
        "2: [SLURM] sacct_start_time: wanted is a day, as 2024-01-31, not '01-02-2024'",
    ),
    (
        "a day that no calendar has",
        "[SLURM]\nsacct_start_time = 2024-02-31\n",
        "2: [SLURM] sacct_start_time: wanted is a day, as 2024-01-31, not '2024-02-31'",
    ),
    (
        "no time limit",
        "[SLURM]\nimage_pull_time = tomorrow\n",
        "2: [SLURM] image_pull_time: wanted is a time limit, such as 45 (minutes) or 4:00:00, not 'tomorrow'",
    ),
    (
        "an unknown runtime",
        "[SLURM]\nconversion_runtime = docker\n",
        "2: [SLURM] conversion_runtime: wanted is one of: apptainer, singularity, process, not 'docker'",
    ),
    (
        "a program with arguments",
        "[SLURM]\nslurm_zip_cmd = zip -r\n",
        "2: [SLURM] slurm_zip_cmd: wanted is the name or path of a program, such as 7za or zip, not 'zip -r'",
    ),
    (
        "a variable in a path",
        "[SLURM]\nslurm_data_path = /scratch/$USER\n",
        (
            "2: [SLURM] slurm_data_path: wanted is a path on the cluster, absolute or below the account's home folder, "
            "not '/scratch/$USER' (variables and quotes are not filled in on the cluster)"
        ),
    ),
    (
        "a reference to another key",
        "[SLURM]\nslurm_images_path = %(slurm_data_path)s/images\n",
        (
            "2: [SLURM] slurm_images_path: %(slurm_data_path)s is not filled in; "
            "write out the value of 'slurm_data_path'"
        ),
    ),
    (
        "GPUs in two ways",
        "[SLURM]\ngpu_gres = gpu:1\ngpu_gpus = 1\n",
        "3: [SLURM] gpu_gpus: cannot stand together with gpu_gres (FILE:2); give one of the two",
    ),
    (
        "sbatch memory",
        "[SLURM]\nsbatch_mem = lots\n",
        "2: [SLURM] sbatch_mem: an amount of memory is wanted, such as 4G or 500M, not 'lots'",
    ),
    (
        "sbatch CPUs",
        "[SLURM]\nsbatch_cpus_per_task = two\n",
        "2: [SLURM] sbatch_cpus_per_task: a whole number from 1 on is wanted, not 'two'",
    ),
    (
        "no address of a database",
        "[ANALYTICS]\nsqlalchemy_url = hunter2\n",
        "2: [ANALYTICS] sqlalchemy_url: wanted is an address such as postgresql+psycopg://user@host/name",
    ),
    (
        "a secret's file that is not there",
        "[ANALYTICS]\nsqlalchemy_url_file = /nowhere/url\n",
        "2: [ANALYTICS] sqlalchemy_url_file: the file /nowhere/url cannot be read: No such file or directory",
    ),
    (
        "no image",
        "[CONVERTERS]\nzarr_to_tiff = Org/Convert:1\n",
        (
            "2: [CONVERTERS] zarr_to_tiff: wanted is the name of a container image, such as org/name:1.2, "
            "not 'Org/Convert:1' (not the name of a container image: 'Org/Convert:1'; its path must be in lower case; "
            "expected something like ghcr.io/org/name:1.2)"
        ),
    ),
    (
        "no address of a repository",
        "[WORKFLOWS]\na_repo = ftp://example.org/a\n",
        (
            "2: [WORKFLOWS] a_repo: wanted is an address such as https://github.com/org/name/tree/v1.2, or a path, "
            "not 'ftp://example.org/a'"
        ),
    ),
    (
        "a password in the address of a repository",
        "[WORKFLOWS]\na_repo = https://me:hunter2@example.org/o/a\n",
        (
            "2: [WORKFLOWS] a_repo: wanted is an address such as https://github.com/org/name/tree/v1.2, or a path, "
            "not 'https://***@example.org/o/a'"
        ),
    ),
    (
        "a name with a slash",
        "[WORKFLOWS]\n../a_repo = https://github.com/o/a/tree/v1\n",
        "2: [WORKFLOWS] ../a_repo: a workflow cannot be called '../a'; allowed are letters, digits and _ - . +",
    ),
    (
        "a folder that leaves its folder",
        "[WORKFLOWS]\na_repo = https://github.com/o/a/tree/v1\na = ../a\n",
        "3: [WORKFLOWS] a: wanted is a relative path without '..', not '../a'",
    ),
    (
        "an absolute job script",
        "[WORKFLOWS]\na_repo = https://github.com/o/a/tree/v1\na_job = /etc/a.sh\n",
        "3: [WORKFLOWS] a_job: wanted is a relative path without '..', not '/etc/a.sh'",
    ),
    (
        "a workflow's time limit",
        "[MODELS]\na_job_time = soon\na_repo = https://github.com/o/a/tree/v1\n",
        "2: [WORKFLOWS] a_job_time: a time limit is wanted, such as 45 (minutes) or 4:00:00, not 'soon'",
    ),
    (
        "a workflow's option that is none",
        "[WORKFLOWS]\na_repo = https://github.com/o/a/tree/v1\na_job_mem;id = 1\n",
        "3: [WORKFLOWS] a_job_mem;id: no option of sbatch is called --mem;id",
    ),
    (
        "a number that is too long to be read",
        f"[SLURM]\nsbatch_cpus_per_task = {'9' * 5000}\n",
        f"2: [SLURM] sbatch_cpus_per_task: a whole number from 1 on is wanted, not '{'9' * 5000}'",
    ),
    (
        "a repository by SSH",
        "[WORKFLOWS]\na_repo = git@github.com:o/a.git\n",
        "2: [WORKFLOWS] a_repo: wanted is an address such as https://github.com/org/name/tree/v1.2, or a path, not 'git@github.com:o/a.git'",
    ),
    (
        "a secret in the folder of nobody",
        "[ANALYTICS]\nsqlalchemy_url_file = ~nobody-here/url\n",
        "2: [ANALYTICS] sqlalchemy_url_file: the file ~nobody-here/url cannot be read: No such file or directory",
    ),
    (
        "a secret that nobody filled in",
        "[ANALYTICS]\nsqlalchemy_url_file = /dev/null\n",
        "2: [ANALYTICS] sqlalchemy_url_file: the file /dev/null cannot be read: it is empty",
    ),
    (
        "a workflow's GPU",
        "[WORKFLOWS]\na_repo = https://github.com/o/a/tree/v1\na_use_gpu = 3\n",
        "3: [WORKFLOWS] a_use_gpu: wanted is true or false, not '3'",
    ),
    (
        "a workflow on no cluster",
        "[WORKFLOWS]\na_repo = https://github.com/o/a/tree/v1\na_cluster = big\n",
        "3: [WORKFLOWS] a_cluster: there is no cluster 'big'; there are: local",
    ),
    (
        "clusters, and none is the default",
        "[CLUSTER a]\nhost = a\n[CLUSTER b]\nhost = b\n",
        "1: [CLUSTER a]: there are 2 clusters; say by 'default = yes' which one runs go to",
    ),
    (
        "two defaults",
        "[CLUSTER a]\ndefault = yes\n[CLUSTER b]\ndefault = yes\n",
        "4: [CLUSTER b] default: [CLUSTER a] is the default already; only one can be",
    ),
    (
        "a cluster with a name that is taken",
        "[CLUSTER local]\nhost = a\n",
        "1: [CLUSTER local]: no name for a cluster; 'local' is this machine, 'slurm' the cluster of [SSH]",
    ),
    (
        "a cluster's own number",
        "[CLUSTER a]\nhost = a\nssh_max_channels = many\n",
        "3: [CLUSTER a] ssh_max_channels: wanted is a whole number from 2 on, not 'many'",
    ),
]


@pytest.mark.parametrize(("text", "message"), [pytest.param(*row[1:], id=row[0]) for row in BROKEN])
def test_a_broken_file_says_where_and_what_is_allowed(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "slurm-config.ini"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        load_settings(path, environment={}, files=(), base=None)
    assert str(raised.value) == f"{path}:{message.replace('FILE', str(path))}"


def test_a_secret_in_two_ways_is_broken_too(tmp_path: Path) -> None:
    secret, path = tmp_path / "url", tmp_path / "slurm-config.ini"
    secret.write_text("sqlite:///y\n")
    path.write_text(f"[ANALYTICS]\nsqlalchemy_url = sqlite:///x\nsqlalchemy_url_file = {secret}\n")
    with pytest.raises(ConfigurationError) as raised:
        load_settings(path, environment={}, files=(), base=None)
    place = f"{path}:3: [ANALYTICS] sqlalchemy_url_file"
    assert str(raised.value) == f"{place}: stands beside sqlalchemy_url; give one of the two"


def test_there_are_enough_of_them() -> None:
    assert len(BROKEN) >= 30
    assert len({row[1] for row in BROKEN}) == len(BROKEN)


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "slurm-config.ini"
    path.write_text("[SLURM]\nimage_pull_cpus=x\nsbatch_time=y\n[ANALYTICS]\ntrack_workflows=z\n")
    with pytest.raises(ConfigurationError) as raised:
        load_settings(path, environment={}, files=())
    assert [line.strip().split(" ")[0] for line in str(raised.value).splitlines()[1:]] == [
        f"{path}:2:",
        f"{path}:5:",
        f"{path}:3:",
    ]


def test_what_all_clusters_share_is_wrong_once(tmp_path: Path) -> None:
    path = tmp_path / "slurm-config.ini"
    path.write_text("[SLURM]\nsbatch_mem=x\n[CLUSTER a]\ndefault=yes\n[CLUSTER b]\n")
    with pytest.raises(ConfigurationError) as raised:
        load_settings(path, environment={}, files=())
    assert str(raised.value).startswith(f"{path}:2: [SLURM] sbatch_mem: an amount of memory is wanted")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda _: None, "there is no such file of settings"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"[SSH]\nhost=\xff\n"), "is no text in UTF-8 (at byte 11)"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(write: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.ini"
    assert callable(write)
    write(path)
    with pytest.raises(ConfigurationError) as raised:
        load_settings(path, environment={}, files=())
    assert str(raised.value) == f"{path}: {message}"


def test_a_wrong_variable_is_named_and_a_secret_one_is_not_told() -> None:
    environment = {"BIOMERO_PULL_CPUS": "x", "SQLALCHEMY_URL": "hunter2"}
    with pytest.raises(ConfigurationError) as raised:
        load_settings(environment=environment, files=())
    assert "environment variable BIOMERO_PULL_CPUS: [SLURM] image_pull_cpus: wanted is" in str(raised.value)
    assert "SQLALCHEMY_URL: [ANALYTICS] sqlalchemy_url: wanted is an address" in str(raised.value)
    assert "hunter2" not in str(raised.value)


LIKELY_MISTAKES = [
    (
        "[SLRUM]\nx=1\n",
        "1: [SLRUM] is no section that BIOMERO knows, and has no effect; did you mean 'SLURM'?",
    ),
    ("[ssh]\nhost=a\n", "1: [ssh] is no section that BIOMERO knows, and has no effect; did you mean 'SSH'?"),
    (
        "[SLURM]\nslurm_data_pth = x\n",
        "2: [SLURM] slurm_data_pth: there is no such key, and it has no effect; did you mean 'slurm_data_path'?",
    ),
    (
        "[SSH]\nslurm_data_path = x\n",
        "2: [SSH] slurm_data_path: there is no such key, and it has no effect; it belongs to [SLURM]",
    ),
    (
        "[WORKFLOWS]\ncellpose_jb_mem = 4G\n",
        (
            "2: [WORKFLOWS] cellpose_jb_mem: belongs to no workflow that has a '…_repo', and has no effect; "
            "did you mean 'cellpose_job_mem'?"
        ),
    ),
    (
        "[WORKFLOWS]\nremove = startdist\n",
        "2: [WORKFLOWS] remove: there is no workflow 'startdist' to remove; there are: cellpose, stardist",
    ),
    (
        "[WORKFLOWS]\na_repo = https://github.com/o/a\n",
        "2: [WORKFLOWS] a_repo: names no version, so that the workflow may be another one tomorrow; pin one, as in https://github.com/org/name/tree/v1.2",
    ),
    (
        "[SLURM]\nslurm_default_partition = main   # for all\n",
        "2: [SLURM] slurm_default_partition: what follows on the '#' is not taken; a comment has its own line",
    ),
    (
        "[SLURM]\nslurm_data_path = x\n\n  slurm_images_path = y\n",
        (
            "4: [SLURM] slurm_data_path: 'slurm_images_path' is indented, and so belongs to the value of "
            "'slurm_data_path' above it"
        ),
    ),
    (
        "[SLURM]\nsbatch_output = x\n",
        "2: [SLURM] sbatch_output: BIOMERO sets --output itself; it has no effect",
    ),
]


@pytest.mark.parametrize(("text", "message"), LIKELY_MISTAKES)
def test_a_likely_mistake_is_warned_of(text: str, message: str, tmp_path: Path) -> None:
    base, path = tmp_path / "base.ini", tmp_path / "slurm-config.ini"
    base.write_text(
        "[WORKFLOWS]\ncellpose_repo = https://github.com/o/c/tree/v1\nstardist_repo = https://github.com/o/s/tree/v1\n"
    )
    path.write_text(text)
    judged = judge(read_configuration(path, environment={}, files=(), base=base), environment={})
    assert f"{path}:{message}" in [str(warning) for warning in judged.warnings]
