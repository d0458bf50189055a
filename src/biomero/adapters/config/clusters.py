"""Clusters: from what files say to what the application is told, and which one is meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from biomero.adapters.config.flags import resources_of
from biomero.adapters.config.keys import CLUSTER, DEFAULT_HOST
from biomero.adapters.config.layers import Found
from biomero.adapters.config.places import local_path
from biomero.adapters.config.problems import Origin, Problem
from biomero.adapters.config.sections import ClusterSection
from biomero.application.settings import ClusterSettings, PullSettings
from biomero.domain.job import JobResources
from biomero.domain.retry import RetryPolicy

LOCAL = "local"
"""The name of this machine."""

THE_CLUSTER = "slurm"
"""The name of the cluster of [SSH] and [SLURM]."""

_RESERVED = (LOCAL, THE_CLUSTER)


class Clusters:
    """Every cluster that the configuration describes.

    Attributes
    ----------
    by_name
        The clusters.
    default
        The name of the one that runs go to where nobody says another; ``None`` where none is described.
    problems, warnings
        What was found on the way.
    """

    def __init__(
        self,
        values: Mapping[tuple[str, str], Found],
        further: Mapping[str, Origin],
        *,
        ssh_config: Path | None,
    ) -> None:
        self._values = values
        self._further = further
        self._ssh_config = ssh_config
        self.by_name: dict[str, ClusterSettings] = {}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.default: str | None = None
        self._read()

    def named(self, name: str) -> ClusterSettings:
        """Return a described cluster, or else a host of the SSH configuration with [SLURM]'s settings."""
        if name in self.by_name:
            return self.by_name[name]
        return self._settings(ClusterSection(self._values), name=name, host=name, problems=[])

    def _read(self) -> None:
        names = list(self._further)
        base = ClusterSection(self._values)
        if base.host is not None:
            self.default = THE_CLUSTER
            self.by_name[THE_CLUSTER] = self._settings(base, name=THE_CLUSTER, host=base.host)
        elif not names:  # the settings for aliases are checked all the same
            self._settings(base, name=THE_CLUSTER, host=DEFAULT_HOST)
        for name in names:
            self._add(name)
        self._choose(names)

    def _add(self, name: str) -> None:
        section = ClusterSection(self._values, name)
        if name in _RESERVED or not name.isprintable() or name.startswith(("-", " ")):
            message = (
                f"no name for a cluster; '{LOCAL}' is this machine, '{THE_CLUSTER}' the cluster of [SSH]"
            )
            self.problems.append(
                Problem(message=message, origin=self._further[name], section=f"{CLUSTER}{name}")
            )
        self.by_name[name] = self._settings(section, name=name, host=section.host or name)

    def _choose(self, names: list[str]) -> None:
        chosen = [name for name in names if ClusterSection(self._values, name).is_default]
        if len(chosen) > 1:
            origin = self._values[f"{CLUSTER}{chosen[1]}", "default"].origin
            message = f"[{CLUSTER}{chosen[0]}] is the default already; only one can be"
            self.problems.append(
                Problem(message=message, origin=origin, section=f"{CLUSTER}{chosen[1]}", key="default")
            )
        elif not chosen and len(names) > 1 and self.default is None:
            message = f"there are {len(names)} clusters; say by 'default = yes' which one runs go to"
            origin = self._further[names[0]]
            self.problems.append(Problem(message=message, origin=origin, section=f"{CLUSTER}{names[0]}"))
        self.default = next(iter(chosen), self.default or next(iter(names), None))

    def _settings(
        self, section: ClusterSection, *, name: str, host: str, problems: list[Problem] | None = None
    ) -> ClusterSettings:
        found = self.problems if problems is None else problems
        resources = _resources(section, found, self.warnings)
        return ClusterSettings(
            name=name,
            ssh_host=host,
            ssh_config=self._ssh_config or _local_file(section.text("ssh_config")),
            data_path=section.text("slurm_data_path") or ClusterSettings().data_path,
            images_path=section.text("slurm_images_path") or ClusterSettings().images_path,
            converters_path=section.text("slurm_converters_path") or ClusterSettings().converters_path,
            script_path=section.text("slurm_script_path") or ClusterSettings().script_path,
            script_repository=section.text("slurm_script_repo"),
            resources=resources,
            conversion_partition=section.text("slurm_conversion_partition"),
            container_executable=section.text("container_executable"),
            container_modules=section.words("container_modules"),
            conversion_runtime=section.text("conversion_runtime") or ClusterSettings().conversion_runtime,
            prologue=section.words("job_prologue"),
            max_channels=section.number("ssh_max_channels") or ClusterSettings().max_channels,
            data_bind_path=section.text("slurm_data_bind_path"),
            gpu=_gpu(section, name, found),
            injects_gpu_flag=section.flag("inject_gpu_flag"),
            accounting_start=section.text("sacct_start_time") or ClusterSettings().accounting_start,
            accounting_days=section.number("sacct_days_ago"),
            pulls=_pulls(section),
            zip_command=section.text("slurm_zip_cmd"),
            commands_per_s=section.decimal("ssh_commands_per_second") or ClusterSettings().commands_per_s,
            command_burst=section.number("ssh_command_burst") or ClusterSettings().command_burst,
            array_limit=section.number("array_limit"),
            max_runs=section.number("max_runs"),
            retry=_retry(section),
        )


def _local_file(text: str | None) -> Path | None:
    return local_path(text) if text else None


def _resources(section: ClusterSection, problems: list[Problem], warnings: list[Problem]) -> JobResources:
    resources = resources_of(section.options(), problems=problems, warnings=warnings)
    partition = section.text("slurm_default_partition")
    # the partition for all jobs counts more than the options for all jobs, as it did in BIOMERO 2
    return dataclasses.replace(resources, partition=partition) if partition else resources


def _gpu(section: ClusterSection, name: str, problems: list[Problem]) -> JobResources:
    gres, gpus = section.text("gpu_gres"), section.text("gpu_gpus")
    if gres and gpus and bool(section.own("gpu_gres")) != bool(section.own("gpu_gpus")):
        # the cluster's own section says one of the two, which takes the other's place
        gres, gpus = (gres, None) if section.own("gpu_gres") else (None, gpus)
    found = section.found("gpu_gpus")
    if gres and gpus and found is not None:
        other = section.found("gpu_gres")
        message = (
            f"cannot stand together with gpu_gres ({other.origin if other else ''}); give one of the two"
        )
        where = "SLURM" if section.own("gpu_gpus") is None else f"{CLUSTER}{name}"
        problems.append(Problem(message=message, origin=found.origin, section=where, key="gpu_gpus"))
    return JobResources(partition=section.text("gpu_partition"), gres=gres, gpus=gpus)


def _retry(section: ClusterSection) -> RetryPolicy:
    most = section.number("retry_most")
    return RetryPolicy(
        memory_factor=section.decimal("retry_memory_factor") or RetryPolicy().memory_factor,
        time_factor=section.decimal("retry_time_factor") or RetryPolicy().time_factor,
        most=RetryPolicy().most if most is None else most,
        excludes_nodes=section.flag("retry_exclude_nodes"),
    )


def _pulls(section: ClusterSection) -> PullSettings:
    return PullSettings(
        as_job=section.flag("slurm_image_pull_via_sbatch"),
        resources=JobResources(
            cpus=section.number("image_pull_cpus"),
            memory_mb=section.number("image_pull_mem"),
            time_limit_min=section.number("image_pull_time"),
            partition=section.text("image_pull_partition") or section.text("slurm_default_partition"),
        ),
        temporary_folder=section.text("apptainer_tmpdir"),
        cache_folder=section.text("apptainer_cachedir"),
    )
