"""What the checks of one cluster share: what they look at, and what they found out for each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from biomero.application.doctor.scripts import script
from biomero.application.ports.clock import Clock
from biomero.application.ports.clusters import Cluster, Clusters
from biomero.application.ports.omero import Omero
from biomero.application.ports.omero_grid import OmeroGridProbe
from biomero.application.ports.record_probe import RecordProbe
from biomero.application.ports.shell import CommandResult
from biomero.application.ports.workflows import WorkflowCatalogue
from biomero.application.settings import ClusterSettings, Settings, WorkflowSettings
from biomero.domain.job import JobResources
from biomero.domain.resources import merge_resources

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an examination is done with.

    Parameters
    ----------
    grid
        The OMERO.grid that this machine is a node of, if it is one of any.
    omero
        The OMERO server of the settings, if they have one.
    """

    settings: Settings
    clusters: Clusters
    workflows: WorkflowCatalogue
    record: RecordProbe
    clock: Clock
    grid: OmeroGridProbe | None = None
    omero: Omero | None = None


@dataclass(slots=True, kw_only=True)
class Examination:
    """One cluster while it is examined.

    Attributes
    ----------
    data_path
        The folder for runs, absolute, once it was found.
    default_partition
        The cluster's, once it is known.
    sick_kinds
        The kinds of jobs with a problem of their own.
    sick_partitions
        Those with a problem of their own, for which nothing more is asked.
    """

    tools: Tools
    settings: ClusterSettings
    job_timeout_s: float
    data_path: str = ""
    controller_is_away: bool = False
    accounting_is_away: bool = False
    sick_kinds: set[str] = field(default_factory=set)
    default_partition: str | None = None
    sick_partitions: set[str | None] = field(default_factory=set)
    _cluster: Cluster | None = None

    @property
    def cluster(self) -> Cluster:
        """The cluster; the first use of its shell logs in."""
        if self._cluster is None:
            self._cluster = self.tools.clusters.open(self.settings)
        return self._cluster

    def close(self) -> None:
        """End the login."""
        if self._cluster is not None:
            self._cluster.shell.close()

    def run(
        self,
        name: str,
        *arguments: str,
        shell: Sequence[str] = ("sh",),
        stdin: bytes = b"",
        timeout_s: float = 120.0,
    ) -> CommandResult:
        """Run one of our scripts on the login node."""
        return self.cluster.shell.run(
            (*shell, "-c", script(name), "doctor", *arguments), stdin=stdin, timeout_s=timeout_s
        )

    @property
    def executable(self) -> str:
        """The container runtime."""
        return self.settings.container_executable or "apptainer"

    @property
    def needs_containers(self) -> bool:
        """Something that is configured runs in a container there."""
        return not self.settings.is_local and (
            bool(self.container_workflows) or self.settings.conversion_runtime != "process"
        )

    @property
    def container_workflows(self) -> Mapping[str, WorkflowSettings]:
        """The configured workflows that run in containers there."""
        shipped = self.tools.settings.shipped_workflows
        return {
            name: workflow
            for name, workflow in self.tools.settings.workflows.items()
            if not (shipped / name).is_dir()
            and (workflow.cluster is None or workflow.cluster == self.settings.name)
        }

    @property
    def job_kinds(self) -> Mapping[str, JobResources]:
        """What kinds of jobs ask for, as far as the configuration says; equal ones are one."""
        general = self.settings.resources
        asked = {"workflow jobs": general, "conversion jobs": self.settings.conversion_resources}
        for name, workflow in self.tools.settings.workflows.items():
            if workflow.cluster not in {None, self.settings.name}:
                continue
            gpu = self.settings.gpu if workflow.uses_gpu else JobResources()
            asked[f"jobs of {name}"] = merge_resources(general, gpu, workflow.resources)
        if self.settings.pulls.as_job:
            asked["jobs that pull images"] = merge_resources(general, self.settings.pulls.resources)
        kinds: dict[str, JobResources] = {}
        for kind, resources in asked.items():
            if resources not in kinds.values():
                kinds[kind] = resources
        return kinds

    @property
    def partitions(self) -> tuple[str | None, ...]:
        """The partitions that jobs are sent to; ``None`` for a default that is not known."""
        if self.settings.is_local:
            return (None,)
        named = [name for resources in self.job_kinds.values() for name in self.partitions_of(resources)]
        return tuple(dict.fromkeys(named))

    def partitions_of(self, resources: JobResources) -> tuple[str | None, ...]:
        """Return the partitions to which a job may go."""
        return tuple(resources.partition.split(",")) if resources.partition else (self.default_partition,)
