"""From files and the environment to the settings that the application is told."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from biomero.adapters.config.clusters import LOCAL, Clusters
from biomero.adapters.config.configuration import Configuration, read_configuration
from biomero.adapters.config.keys import setting
from biomero.adapters.config.omero import omero_settings
from biomero.adapters.config.places import BASE_FILE, FILES, PACKAGE, local_path
from biomero.adapters.config.problems import Problem, raise_if_any
from biomero.adapters.config.sections import read
from biomero.adapters.config.worker import notify_settings, worker_settings
from biomero.adapters.config.workflows import workflow_settings
from biomero.application.engine_socket import state_folder
from biomero.application.settings import AnalyticsSettings, ClusterSettings, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A configuration with the settings that are made of it.

    Parameters
    ----------
    settings
        Not to be used where there are problems.
    """

    configuration: Configuration
    settings: Settings
    clusters: Clusters
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def load_settings(
    file: Path | None = None,
    *,
    cluster: str | None = None,
    workflow: str | None = None,
    otherwise: str = LOCAL,
    ssh_config: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    files: Sequence[Path] = FILES,
    base: Path | None = BASE_FILE,
) -> Settings:
    """Read the settings of this machine.

    Parameters
    ----------
    file
        A file to read after the usual ones.
    cluster
        The cluster to use: ``local`` for this machine, the name of a described one, or a host of the SSH
        configuration.
    workflow
        The workflow that will be run, which may name its cluster.
    otherwise
        The cluster where neither a caller nor the configuration names one.

    Raises
    ------
    ConfigurationError
        If a file is not readable or a value is not what its key wants; the message lists everything.
    """
    judged = judge(
        read_configuration(file, environment=environment, files=files, base=base),
        environment=environment,
        ssh_config=ssh_config,
    )
    raise_if_any(judged.problems)
    settings, clusters = judged.settings, judged.clusters
    own = settings.workflows.get(workflow) if workflow else None
    name = cluster or (own and own.cluster) or clusters.default or otherwise
    return settings if name == LOCAL else replace(settings, cluster=clusters.named(name))


def judge(
    configuration: Configuration,
    *,
    environment: Mapping[str, str] = os.environ,
    ssh_config: Path | None = None,
) -> Judged:
    """Make settings of a configuration, for this machine, and collect what is wrong."""
    clusters = Clusters(configuration.values, configuration.clusters, ssh_config=ssh_config)
    problems = [*configuration.problems, *clusters.problems]
    warnings = [*configuration.warnings, *clusters.warnings]
    workflows = workflow_settings(
        configuration.workflows, clusters=[LOCAL, *clusters.by_name], problems=problems, warnings=warnings
    )
    state = state_folder(environment)
    cache = local_path(environment.get("XDG_CACHE_HOME") or "~/.cache").absolute() / "biomero"
    settings = Settings(
        state_folder=state,
        cache_folder=cache,
        shipped_workflows=shipped_workflows(),
        cluster=ClusterSettings(data_path=str(state / "cluster"), images_path=str(state / "images")),
        workflows=workflows,
        clusters=clusters.by_name,
        converters=_converters(configuration),
        analytics=_analytics(configuration),
        notify=notify_settings(configuration.values),
        worker=worker_settings(configuration.values),
        omero=omero_settings(configuration.values),
        warnings=tuple(dict.fromkeys(map(str, warnings))),
    )
    return Judged(
        configuration=configuration,
        settings=settings,
        clusters=clusters,
        problems=tuple(dict.fromkeys(problems)),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def shipped_workflows() -> Path:
    """Return the folder of the reference workflows: in the package, or in the repository beside it."""
    inside = PACKAGE / "_workflows"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "workflows"


def _converters(configuration: Configuration) -> dict[str, str]:
    return {
        key: found.text
        for (section, key), found in configuration.values.items()
        if section == "CONVERTERS" and "_to_" in key and found.text
    }


def _analytics(configuration: Configuration) -> AnalyticsSettings:
    def value(key: str) -> object:
        return read(setting("ANALYTICS", key), configuration.get("ANALYTICS", key))

    def text(key: str) -> str | None:
        found = value(key)
        return found if isinstance(found, str) else None

    days = value("analytics_rebuild_days_ago")
    return AnalyticsSettings(
        track_workflows=value("track_workflows") is True,
        enable_job_accounting=value("enable_job_accounting") is True,
        enable_job_progress=value("enable_job_progress") is True,
        enable_workflow_analytics=value("enable_workflow_analytics") is True,
        database_url=text("sqlalchemy_url"),
        rebuild_start_time=text("analytics_rebuild_start_time"),
        rebuild_days_ago=days if isinstance(days, int) else None,
    )
