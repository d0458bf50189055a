"""Settings to clusters: how one is reached, and what runs programs there."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from biomero.adapters.system import SystemClock
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.containers import ContainerRuntime
from biomero.application.ports.scheduler import Scheduler
from biomero.application.ports.shell import RemoteShell
from biomero.application.ports.transfer import RemoteTransfer
from biomero.application.settings import (
    RUNTIMES,
    ClusterSettings,
    Settings,
    WorkflowSettings,
)
from biomero.domain.resources import merge_resources
from biomero.errors import ConfigurationError

if TYPE_CHECKING:
    from biomero.adapters.containers.sif_store import SifStore


@dataclass(frozen=True, slots=True)
class ClusterDoor:
    """Opens clusters; see `Clusters`.

    Parameters
    ----------
    is_calm
        Login nodes get no more commands than the settings let; others than the run engine, which never ends,
        do what people wait for.
    """

    settings: Settings
    is_calm: bool = False

    def open(self, settings: ClusterSettings) -> Cluster:
        """See `Clusters.open`."""
        if settings.ssh_host is None:
            return self._local(settings)
        from biomero.adapters.slurm.health import SlurmHealth
        from biomero.adapters.slurm.scheduler import SlurmScheduler
        from biomero.adapters.ssh import SshConnection, SshShell, SshTransfer

        connection = SshConnection(
            settings.ssh_host,
            ssh_config=settings.ssh_config,
            max_channels=settings.max_channels,
            connect_timeout_s=settings.connect_timeout_s,
            connect_attempts=settings.connect_attempts,
            commands_per_s=settings.commands_per_s if self.is_calm else None,
            command_burst=settings.command_burst,
        )
        shell = SshShell(connection)
        transfer = SshTransfer(connection)
        scheduler = SlurmScheduler(shell, cluster=settings.name)
        runtimes = RuntimeDoor(shell, transfer, settings, scheduler, self.settings.workflows)
        return Cluster(
            settings=settings,
            shell=shell,
            transfer=transfer,
            scheduler=scheduler,
            runtime=runtimes,
            converter=runtimes.make(settings.conversion_runtime, settings.converters_path),
            health=SlurmHealth(shell),
            images=runtimes.store(),
        )

    def _local(self, settings: ClusterSettings) -> Cluster:
        from biomero.adapters.containers.process import ProcessRuntime
        from biomero.adapters.local.scheduler import LocalScheduler
        from biomero.adapters.local.shell import LocalShell
        from biomero.adapters.local.transfer import LocalTransfer

        shell, transfer = LocalShell(), LocalTransfer()
        scheduler = LocalScheduler(self.settings.state_folder / "spool")
        runtimes = RuntimeDoor(shell, transfer, settings, scheduler, self.settings.workflows)
        return Cluster(
            settings=settings,
            shell=shell,
            transfer=transfer,
            scheduler=scheduler,
            runtime=runtimes,
            # what converts images is among our own dependencies, so that our own Python serves
            converter=ProcessRuntime(shell, transfer, settings.data_path, python=sys.executable),
            images=runtimes.store(),
        )


@dataclass(frozen=True, slots=True)
class RuntimeDoor:
    """Makes runtimes by name; see `RuntimeChoice`."""

    shell: RemoteShell
    transfer: RemoteTransfer
    settings: ClusterSettings
    scheduler: Scheduler
    workflows: Mapping[str, WorkflowSettings] = field(default_factory=dict)

    def __call__(self, name: str, *, python: str | None, image: str | None) -> ContainerRuntime:
        """See `RuntimeChoice`."""
        return self.make(name, self.settings.images_path, python=python, image=image)

    def make(
        self, name: str, images: str, *, python: str | None = None, image: str | None = None
    ) -> ContainerRuntime:
        """Return a runtime that keeps its images in a folder."""
        from biomero.adapters.containers.apptainer import ApptainerRuntime
        from biomero.adapters.containers.process import ProcessRuntime

        if name == "process":
            return ProcessRuntime(self.shell, self.transfer, self.settings.data_path, python=python)
        if name not in RUNTIMES:
            raise ConfigurationError(f"no runtime '{name}'; there are: {', '.join(RUNTIMES)}")
        return ApptainerRuntime(
            self.shell,
            images,
            image_override=image,
            store=self.store(name),
            subfolders={name: w.image_folder for name, w in self.workflows.items() if w.image_folder},
        )

    def store(self, name: str = "apptainer") -> SifStore:
        """Return what keeps container images, pulled by a program or by what the settings name instead."""
        from biomero.adapters.containers.image_script import ImageTool
        from biomero.adapters.containers.pull_jobs import PullJobs
        from biomero.adapters.containers.sif_store import SifStore

        pulls = self.settings.pulls
        tool = ImageTool(
            executable=self.settings.container_executable or name,
            modules=self.settings.container_modules,
            temporary_folder=pulls.temporary_folder or "",
            cache_folder=pulls.cache_folder or "",
        )
        jobs = PullJobs(
            shell=self.shell,
            scheduler=self.scheduler,
            clock=SystemClock(),
            tool=tool,
            resources=merge_resources(self.settings.resources, pulls.resources),
            prologue=self.settings.prologue,
        )
        return SifStore(
            shell=self.shell, transfer=self.transfer, tool=tool, jobs=jobs if pulls.as_job else None
        )
