"""Settings, one dataclass a concern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from biomero.domain.job import JobResources

MIN_CHANNELS = 2
"""One for a transfer, one for what must not wait for it."""

RUNTIMES = ("apptainer", "singularity", "process")
"""The ways in which a workflow's program can be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """One cluster, or the machine itself where there is none.

    Parameters
    ----------
    name
        What people call it; ``local`` stands for this machine.
    ssh_host
        The alias of OpenSSH's client configuration; ``None`` for this machine.
    ssh_config
        The client configuration to read instead of the user's own.
    data_path, images_path, converters_path
        Folders on the cluster for runs, for container images and for converters' images; relative
        ones are below the account's home folder.
    resources, conversion_resources
        What every workflow job and every conversion job asks for, unless something more special does.
    container_executable
        Where the container runtime is, if ``PATH`` on the cluster does not say.
    container_modules
        Environment modules that bring the container runtime.
    conversion_runtime
        How images are converted to TIFF: ``process``, or a container of the converters' folder.
    prologue
        Lines of shell that an admin wants at the start of every job script, such as ``module load``.
    max_channels
        How many things may go over the one login at the same time.
    """

    name: str = "local"
    ssh_host: str | None = None
    ssh_config: Path | None = None
    data_path: str = "my-scratch/data"
    images_path: str = "my-scratch/singularity_images/workflows"
    converters_path: str = "my-scratch/singularity_images/converters"
    resources: JobResources = field(default_factory=JobResources)
    conversion_resources: JobResources = field(default_factory=JobResources)
    container_executable: str | None = None
    container_modules: tuple[str, ...] = ()
    conversion_runtime: str = "process"
    prologue: tuple[str, ...] = ()
    max_channels: int = 6

    @property
    def is_local(self) -> bool:
        """Jobs run on this machine, without Slurm and SSH."""
        return self.ssh_host is None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSettings:
    """What a facility says of one workflow: where it is, and what its jobs ask for."""

    reference: str
    resources: JobResources = field(default_factory=JobResources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set.

    Parameters
    ----------
    state_folder
        Where this machine keeps the record of runs and what runs need meanwhile.
    cache_folder
        What can be fetched or made again.
    shipped_workflows
        The folder of the reference workflows.
    """

    state_folder: Path
    cache_folder: Path
    shipped_workflows: Path
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    workflows: Mapping[str, WorkflowSettings] = field(default_factory=dict)
