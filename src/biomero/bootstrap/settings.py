"""Settings of this machine."""

from __future__ import annotations

from pathlib import Path

from biomero.adapters.config import load_settings
from biomero.application.settings import (
    Settings,
)


def settings_for(
    *,
    config: Path | None = None,
    cluster: str | None = None,
    workflow: str | None = None,
    otherwise: str = "local",
    ssh_config: Path | None = None,
) -> Settings:
    """Read this machine's settings.

    Parameters
    ----------
    cluster
        ``local`` for this machine, a cluster of the configuration, or a host of the SSH configuration.
    workflow
        The workflow that will be run, which may name its cluster.
    otherwise
        The cluster where neither a caller nor the configuration names one.

    Raises
    ------
    ConfigurationError
        If a file of settings is missing or wrong.
    """
    return load_settings(
        config, cluster=cluster, workflow=workflow, otherwise=otherwise, ssh_config=ssh_config
    )


def default_settings() -> Settings:
    """Return the settings of a machine without any file of settings; the environment counts."""
    return load_settings(files=(), base=None, cluster="slurm")
