"""Keys of a cluster that say how to log in, where its folders are, and what jobs ask for."""

from __future__ import annotations

from biomero.adapters.config import kinds
from biomero.adapters.config.keys.setting import Setting
from biomero.adapters.config.kinds import whole_number
from biomero.application.settings import ClusterSettings

_CLUSTER = ClusterSettings()

JOBS = (
    Setting(
        section="SSH",
        key="host",
        kind=kinds.WORD,
        example="slurm",
        meaning="The cluster's login node: a host of OpenSSH's client configuration (`~/.ssh/config`). "
        "Without it, `biomero run` stays on this machine.",
    ),
    Setting(
        section="SSH",
        key="inline_ssh_env",
        kind=kinds.BOOLEAN,
        default="true",
        meaning="Accepted and without effect: values reach jobs in their own script, not through SSH.",
    ),
    Setting(
        section="SLURM",
        key="slurm_data_path",
        kind=kinds.CLUSTER_PATH,
        default=_CLUSTER.data_path,
        meaning="Folder for runs and their images.",
    ),
    Setting(
        section="SLURM",
        key="slurm_images_path",
        kind=kinds.CLUSTER_PATH,
        default=_CLUSTER.images_path,
        meaning="Folder for the container images of workflows.",
    ),
    Setting(
        section="SLURM",
        key="slurm_converters_path",
        kind=kinds.CLUSTER_PATH,
        default=_CLUSTER.converters_path,
        meaning="Folder for the container images of converters.",
    ),
    Setting(
        section="SLURM",
        key="slurm_script_path",
        kind=kinds.CLUSTER_PATH,
        default=_CLUSTER.script_path,
        meaning="Folder for job scripts of the facility's own.",
    ),
    Setting(
        section="SLURM",
        key="slurm_script_repo",
        kind=kinds.REPOSITORY,
        example="https://github.com/org/slurm-scripts/tree/v1.0",
        meaning="Repository of job scripts of the facility's own; without it they are generated.",
    ),
    Setting(
        section="SLURM",
        key="slurm_data_bind_path",
        kind=kinds.LINE,
        example="/scratch/biomero",
        meaning="Folders that every container sees, as `APPTAINER_BINDPATH` has them.",
    ),
    Setting(
        section="SLURM",
        key="slurm_default_partition",
        kind=kinds.WORD,
        variables=("BIOMERO_DEFAULT_PARTITION",),
        example="main",
        meaning="Partition of jobs where nothing more special is said.",
    ),
    Setting(
        section="SLURM",
        key="slurm_conversion_partition",
        kind=kinds.WORD,
        example="short",
        meaning="Partition of jobs that convert images.",
    ),
    Setting(
        section="SLURM",
        key="sbatch_<option>",
        kind=kinds.LINE,
        example="sbatch_account = imaging",
        meaning="An option of `sbatch` for every job; without a value it is an option that takes none. "
        "`_` and `-` are the same.",
    ),
    Setting(
        section="SLURM",
        key="gpu_partition",
        kind=kinds.WORD,
        variables=("BIOMERO_GPU_PARTITION", "GPU_PARTITION"),
        example="gpu",
        meaning="Partition of jobs that want a GPU and whose workflow names no partition.",
    ),
    Setting(
        section="SLURM",
        key="gpu_gres",
        kind=kinds.WORD,
        variables=("BIOMERO_GPU_GRES", "GPU_GRES"),
        example="gpu:1",
        meaning="`--gres` of jobs that want a GPU; not together with `gpu_gpus`.",
    ),
    Setting(
        section="SLURM",
        key="gpu_gpus",
        kind=kinds.WORD,
        variables=("BIOMERO_GPU_GPUS", "GPU_GPUS"),
        example="1",
        meaning="`--gpus` of jobs that want a GPU; not together with `gpu_gres`.",
    ),
    Setting(
        section="SLURM",
        key="inject_gpu_flag",
        kind=kinds.BOOLEAN,
        default="false",
        variables=("BIOMERO_INJECT_GPU_FLAG",),
        meaning="Whether `use_gpu` of a call decides on the GPU; otherwise the workflow's `_use_gpu` does.",
    ),
    Setting(
        section="SLURM",
        key="env_file_submission",
        kind=kinds.BOOLEAN,
        default="false",
        variables=("BIOMERO_ENV_FILE_SUBMISSION",),
        meaning="Accepted and without effect: values always reach jobs in a file, never through SSH's "
        "environment.",
    ),
    Setting(
        section="SLURM",
        key="sacct_start_time",
        kind=kinds.DAY,
        default=_CLUSTER.accounting_start,
        variables=("BIOMERO_SACCT_START_TIME",),
        meaning="The day from which on lists of jobs are wanted.",
    ),
    Setting(
        section="SLURM",
        key="sacct_days_ago",
        kind=whole_number(at_least=0),
        variables=("BIOMERO_SACCT_START_DAYS_AGO",),
        example="30",
        meaning="For how many days back lists of jobs are wanted; wins over `sacct_start_time`.",
    ),
)
