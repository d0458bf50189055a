"""Settings to services: the one place that chooses adapters.

Adapters are imported where they are chosen: image and SSH libraries take a second to import, and a command
that only reads the record shall not wait for them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from biomero.adapters.config import load_settings, resources_from
from biomero.adapters.system import FileLocks, SystemClock
from biomero.application.open_images import ImageSources
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.containers import ContainerRuntime
from biomero.application.ports.image_source import ImageSource
from biomero.application.ports.shell import RemoteShell
from biomero.application.ports.transfer import RemoteTransfer
from biomero.application.ports.workflows import WorkflowCatalogue
from biomero.application.run_record import RunRecord
from biomero.application.services import Services
from biomero.application.settings import RUNTIMES, ClusterSettings, Settings
from biomero.errors import ConfigurationError

__all__ = ["make_services", "open_catalogue", "open_record", "resources_from", "settings_for"]


def settings_for(
    *, config: Path | None = None, cluster: str | None = None, ssh_config: Path | None = None
) -> Settings:
    """Read this machine's settings.

    Raises
    ------
    ConfigurationError
        If a file of settings is missing or wrong.
    """
    return load_settings(config, cluster=cluster, ssh_config=ssh_config)


def open_record(settings: Settings) -> RunRecord:
    """Open the record of runs."""
    settings.state_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return RunRecord(_record_environment(settings.state_folder))


def open_catalogue(settings: Settings) -> WorkflowCatalogue:
    """Return what finds workflows."""
    from biomero.adapters.descriptors import Catalogue, CodeHosts

    return Catalogue(
        CodeHosts(settings.cache_folder / "workflows"),
        folders=[settings.shipped_workflows],
        references={name: w.reference for name, w in settings.workflows.items()},
    )


def make_services(settings: Settings) -> Services:
    """Put everything together. Nothing is connected to before it is used."""
    from biomero.adapters.ngff import NgffLabelWriter, NgffWriter
    from biomero.adapters.ome_tiff.writer import LosslessOmeTiffWriter
    from biomero.adapters.report import HtmlReport
    from biomero.application.deliver_results import DeliverResults

    images = image_sources()
    report = HtmlReport()
    return Services(
        settings=settings,
        record=open_record(settings),
        clock=SystemClock(),
        clusters=ClusterDoor(settings),
        images=images,
        pyramids=NgffWriter(),
        workflows=open_catalogue(settings),
        locks=FileLocks(settings.state_folder / "locks"),
        deliver=DeliverResults(
            images=images,
            pyramids=NgffWriter(),
            labels=NgffLabelWriter(),
            tiffs=LosslessOmeTiffWriter(),
            report=report,
        ),
        report=report,
    )


def _record_environment(folder: Path) -> Mapping[str, str]:
    return {
        "PERSISTENCE_MODULE": "eventsourcing_sqlalchemy",
        "SQLALCHEMY_URL": f"sqlite:///{folder / 'biomero.sqlite'}",
    }


@dataclass(frozen=True, slots=True)
class ClusterDoor:
    """Opens clusters; see `Clusters`."""

    settings: Settings

    def open(self, settings: ClusterSettings) -> Cluster:
        """See `Clusters.open`."""
        if settings.ssh_host is None:
            return self._local(settings)
        from biomero.adapters.slurm.scheduler import SlurmScheduler
        from biomero.adapters.ssh import SshConnection, SshShell, SshTransfer

        connection = SshConnection(
            settings.ssh_host, ssh_config=settings.ssh_config, max_channels=settings.max_channels
        )
        shell = SshShell(connection)
        transfer = SshTransfer(connection)
        runtimes = RuntimeDoor(shell, transfer, settings)
        return Cluster(
            settings=settings,
            shell=shell,
            transfer=transfer,
            scheduler=SlurmScheduler(shell, cluster=settings.name),
            runtime=runtimes,
            converter=runtimes.make(settings.conversion_runtime, settings.converters_path),
        )

    def _local(self, settings: ClusterSettings) -> Cluster:
        from biomero.adapters.containers.process import ProcessRuntime
        from biomero.adapters.local.scheduler import LocalScheduler
        from biomero.adapters.local.shell import LocalShell
        from biomero.adapters.local.transfer import LocalTransfer

        shell, transfer = LocalShell(), LocalTransfer()
        return Cluster(
            settings=settings,
            shell=shell,
            transfer=transfer,
            scheduler=LocalScheduler(self.settings.state_folder / "spool"),
            runtime=RuntimeDoor(shell, transfer, settings),
            # what converts images is among our own dependencies, so that our own Python serves
            converter=ProcessRuntime(shell, transfer, settings.data_path, python=sys.executable),
        )


@dataclass(frozen=True, slots=True)
class RuntimeDoor:
    """Makes runtimes by name; see `RuntimeChoice`."""

    shell: RemoteShell
    transfer: RemoteTransfer
    settings: ClusterSettings

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
            executable=self.settings.container_executable or name,
            modules=self.settings.container_modules,
            image_override=image,
        )


def image_sources() -> ImageSource:
    """Return what reads images: native readers first, Bio-Formats behind them."""
    from biomero.adapters import bioformats, readers, tiff
    from biomero.adapters.ngff import NgffSource

    fallback = bioformats.BioFormatsSource(jar=bioformats.find_jar())
    formats = (*tiff.formats(), *readers.formats(), *bioformats.formats(fallback))
    return ImageSources(formats, folders=NgffSource(), fallback=fallback)
