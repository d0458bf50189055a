"""What a job script finds around it: the variables and the log name that Slurm would give it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobSpec


def job_environment(
    spec: JobSpec, job_id: SlurmJobId, index: int | None, *, folder: str, base: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables for one job or array task.

    Slurm's own variables in `base` are dropped: BIOMERO itself may run in a job.
    """
    host = os.uname().nodename
    asked = spec.resources
    cpus = str(asked.cpus or 1)
    task_id = str(job_id + (index or 0))
    variables = {name: value for name, value in base.items() if not name.startswith(("SLURM", "SBATCH"))}
    variables |= {
        "SLURM_CLUSTER_NAME": "local",
        "SLURM_JOB_ID": task_id,
        "SLURM_JOBID": task_id,
        "SLURM_JOB_NAME": spec.key,
        "SLURM_JOB_NODELIST": host,
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_NNODES": "1",
        "SLURM_NTASKS": "1",
        "SLURM_NODELIST": host,
        "SLURMD_NODENAME": host,
        "SLURM_CPUS_ON_NODE": cpus,
        "SLURM_JOB_CPUS_PER_NODE": cpus,
        "SLURM_SUBMIT_DIR": folder,
        "SLURM_SUBMIT_HOST": host,
    }
    if asked.cpus is not None:
        variables["SLURM_CPUS_PER_TASK"] = cpus
    if asked.memory_mb is not None:
        variables["SLURM_MEM_PER_NODE"] = str(asked.memory_mb)
    if index is not None and spec.array_size is not None:
        variables |= {
            "SLURM_ARRAY_JOB_ID": str(job_id),
            "SLURM_ARRAY_TASK_ID": str(index),
            "SLURM_ARRAY_TASK_COUNT": str(spec.array_size),
            "SLURM_ARRAY_TASK_MIN": "0",
            "SLURM_ARRAY_TASK_MAX": str(spec.array_size - 1),
        }
    return variables


def log_path(spec: JobSpec, job_id: SlurmJobId, index: int | None, *, folder: str) -> str:
    """Return the log's path with ``%j``, ``%A``, ``%a``, ``%x``, ``%N`` and ``%%`` filled in."""
    values = {
        "j": str(job_id + (index or 0)),
        "A": str(job_id),
        "a": "" if index is None else str(index),
        "x": spec.key,
        "N": os.uname().nodename,
        "%": "%",
    }
    filled = re.sub(r"%\d*([jAaxN%])", lambda found: values[found[1]], spec.log)
    return os.path.join(folder, filled)  # noqa: PTH118 - an absolute log stays as it is, as text
