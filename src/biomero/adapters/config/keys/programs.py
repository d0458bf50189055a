"""Keys of a cluster that say how container images come there, and what runs in jobs."""

from __future__ import annotations

from biomero.adapters.config import kinds
from biomero.adapters.config.keys.setting import Setting
from biomero.adapters.config.kinds import choice, whole_number
from biomero.application.settings import RUNTIMES, ClusterSettings

_CLUSTER = ClusterSettings()

PROGRAMS = (
    Setting(
        section="SLURM",
        key="slurm_image_pull_via_sbatch",
        kind=kinds.BOOLEAN,
        default="false",
        variables=("BIOMERO_IMAGE_PULL_VIA_SBATCH",),
        meaning="Whether container images are pulled in jobs rather than on the login node.",
    ),
    Setting(
        section="SLURM",
        key="image_pull_cpus",
        kind=whole_number(at_least=1),
        default="8",
        variables=("BIOMERO_PULL_CPUS",),
        meaning="CPUs of a job that pulls.",
    ),
    Setting(
        section="SLURM",
        key="image_pull_mem",
        kind=kinds.MEMORY,
        default="32G",
        variables=("BIOMERO_PULL_MEM",),
        meaning="Memory of a job that pulls.",
    ),
    Setting(
        section="SLURM",
        key="image_pull_time",
        kind=kinds.TIME_LIMIT,
        example="4:00:00",
        meaning="Time limit of a job that pulls.",
    ),
    Setting(
        section="SLURM",
        key="image_pull_partition",
        kind=kinds.WORD,
        example="short",
        meaning="Partition of a job that pulls; `slurm_default_partition` where it is not said.",
    ),
    Setting(
        section="SLURM",
        key="apptainer_tmpdir",
        kind=kinds.CLUSTER_PATH,
        variables=("BIOMERO_APPTAINER_TMPDIR",),
        example="/scratch/tmp",
        meaning="Folder in which images are put together when they are pulled.",
    ),
    Setting(
        section="SLURM",
        key="apptainer_cachedir",
        kind=kinds.CLUSTER_PATH,
        variables=("BIOMERO_APPTAINER_CACHEDIR",),
        example="/scratch/cache",
        meaning="Folder for layers of images that were pulled.",
    ),
    Setting(
        section="SLURM",
        key="slurm_zip_cmd",
        kind=kinds.ZIP_COMMAND,
        variables=("BIOMERO_SLURM_ZIP_CMD",),
        example="7za",
        meaning="The program that packs archives on the cluster, where it is not found by itself; "
        "`zip` brings `unzip` along.",
    ),
    Setting(
        section="SLURM",
        key="container_executable",
        kind=kinds.PROGRAM,
        example="/opt/apptainer/bin/apptainer",
        meaning="The container runtime, if it is not on `PATH`.",
    ),
    Setting(
        section="SLURM",
        key="container_modules",
        kind=kinds.LINE,
        example="apptainer",
        meaning="Environment modules that bring the container runtime, with spaces between.",
    ),
    Setting(
        section="SLURM",
        key="conversion_runtime",
        kind=choice(RUNTIMES),
        default=_CLUSTER.conversion_runtime,
        meaning="How images are converted: in an environment of Python, or in a container.",
    ),
    Setting(
        section="SLURM",
        key="job_prologue",
        kind=kinds.LINES,
        example="module load tools",
        meaning="Lines of shell at the start of every job; further lines are indented.",
    ),
)
