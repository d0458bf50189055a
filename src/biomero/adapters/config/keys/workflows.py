"""Keys of workflows and converters."""

from __future__ import annotations

from biomero.adapters.config import kinds
from biomero.adapters.config.keys.setting import WORKFLOWS, Setting
from biomero.adapters.config.kinds import number

WORKFLOW_KEYS = (
    Setting(
        section="CONVERTERS",
        key="<source>_to_<target>",
        kind=kinds.IMAGE,
        example="zarr_to_tiff = org/convert_zarr_to_tiff:1.0",
        meaning="A container image that converts for scripts that use the Python API; without one, BIOMERO's "
        "own converter does. Runs always convert with that (see `conversion_runtime`).",
    ),
    Setting(
        section=WORKFLOWS,
        key="remove",
        kind=kinds.NAMES,
        example="remove = stardist, cellprofiler",
        meaning="Workflows of this file and of files read before it that are not wanted; `*` for all of the "
        "files before it.",
    ),
    Setting(
        section=WORKFLOWS,
        key="<workflow>_repo",
        kind=kinds.REPOSITORY,
        example="mine_repo = https://github.com/org/W_mine/tree/v1.0",
        meaning="Where a workflow's descriptor is: a repository, best with a version, or a path. "
        "This key makes the workflow.",
    ),
    Setting(
        section=WORKFLOWS,
        key="<workflow>",
        kind=kinds.INNER_PATH,
        example="mine = mine",
        meaning="The workflow's folder below `slurm_images_path`.",
    ),
    Setting(
        section=WORKFLOWS,
        key="<workflow>_job",
        kind=kinds.INNER_PATH,
        example="mine_job = jobs/mine.sh",
        meaning="The workflow's job script below `slurm_script_path`.",
    ),
    Setting(
        section=WORKFLOWS,
        key="<workflow>_job_<option>",
        kind=kinds.LINE,
        example="mine_job_mem = 16G",
        meaning="An option of `sbatch` for the workflow's jobs, as `sbatch_<option>` for all.",
    ),
    Setting(
        section=WORKFLOWS,
        key="<workflow>_use_gpu",
        kind=kinds.BOOLEAN,
        default="false",
        example="mine_use_gpu = true",
        meaning="Whether the workflow's jobs get a GPU.",
    ),
    Setting(
        section=WORKFLOWS,
        key="<workflow>_enabled",
        kind=kinds.BOOLEAN,
        default="true",
        example="mine_enabled = false",
        meaning="Whether the workflow is there.",
    ),
    Setting(
        section=WORKFLOWS,
        key="<workflow>_retry_memory_factor",
        kind=number(at_least=1),
        example="mine_retry_memory_factor = 2",
        meaning="`retry_memory_factor` for the workflow's jobs.",
    ),
    Setting(
        section=WORKFLOWS,
        key="<workflow>_retry_time_factor",
        kind=number(at_least=1),
        example="mine_retry_time_factor = 2",
        meaning="`retry_time_factor` for the workflow's jobs.",
    ),
    Setting(
        section=WORKFLOWS,
        key="<workflow>_cluster",
        kind=kinds.WORD,
        example="mine_cluster = gpu",
        meaning="The cluster on which the workflow runs, where nobody says another: `local`, `slurm` "
        "(the one of [SSH]) or the name of a [CLUSTER name].",
    ),
)
