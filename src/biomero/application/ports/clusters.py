"""A cluster as the run engine sees it, and how to get to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from biomero.application.ports.containers import ContainerRuntime
from biomero.application.ports.image_store import ImageStore, NoImages
from biomero.application.ports.scheduler import Scheduler
from biomero.application.ports.scheduler_health import SchedulerHealth
from biomero.application.ports.shell import RemoteShell
from biomero.application.ports.transfer import RemoteTransfer
from biomero.application.settings import ClusterSettings


class RuntimeChoice(Protocol):
    """Makes the runtime that a run asks for."""

    def __call__(self, name: str, *, python: str | None, image: str | None) -> ContainerRuntime:
        """Return a runtime by name.

        Raises
        ------
        ConfigurationError
            If there is no runtime of that name.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Everything that a run needs of one cluster, over one login.

    Parameters
    ----------
    runtime
        Makes the runtime for a workflow's own program.
    converter
        The runtime for the conversion to TIFF.
    health
        Answers questions about the scheduler; ``None`` where there is no cluster.
    images
        The container images that are there.
    """

    settings: ClusterSettings
    shell: RemoteShell
    transfer: RemoteTransfer
    scheduler: Scheduler
    runtime: RuntimeChoice
    converter: ContainerRuntime
    health: SchedulerHealth | None = None
    images: ImageStore = field(default_factory=NoImages)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shell.close()


class Clusters(Protocol):
    """Knows the clusters by name."""

    def open(self, settings: ClusterSettings) -> Cluster:
        """Return a cluster; the first use of its shell logs in."""
        ...
