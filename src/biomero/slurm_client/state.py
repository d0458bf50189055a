"""What all documented calls share: the settings as they are now, and what was opened with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from biomero.adapters.system import SystemClock
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.workflows import WorkflowCatalogue
from biomero.application.script_api.session import ScriptSession
from biomero.application.settings import Settings, WorkflowSettings
from biomero.bootstrap import ClusterDoor, open_catalogue
from biomero.slurm_client.options import keywords_of, settings_with

CONNECT_TIMEOUT_S = 5.0
"""For each attempt to reach the login node; scripts ask `validate` while a person waits."""
CONNECT_ATTEMPTS = 2


class ClientState:
    """The attributes of a client, and what is opened when it is first needed.

    Scripts may change an attribute at any time: what is opened later, and every call, obeys it.
    """

    host: str
    connect_timeout: float | None
    config_only: bool
    slurm_data_path: str
    slurm_images_path: str
    slurm_converters_path: str
    slurm_script_path: str
    slurm_script_repo: str | None
    slurm_data_bind_path: str | None
    slurm_conversion_partition: str | None
    slurm_default_partition: str | None
    slurm_model_paths: dict[str, str]
    slurm_model_repos: dict[str, str]
    slurm_model_jobs: dict[str, str]
    slurm_model_jobs_params: dict[str, list[str]]
    slurm_model_use_gpu: dict[str, bool]
    converter_images: dict[str, str] | None
    slurm_global_job_params: list[str]
    env_file_submission: bool
    inject_gpu_flag: bool
    gpu_partition: str | None
    gpu_gres: str | None
    gpu_gpus: str | None
    sacct_start_time: str | None
    sacct_days_ago: int | None
    slurm_image_pull_via_sbatch: bool
    image_pull_cpus: str
    image_pull_mem: str
    apptainer_tmpdir: str | None
    apptainer_cachedir: str | None
    slurm_zip_cmd: str | None
    track_workflows: bool
    enable_job_accounting: bool
    enable_job_progress: bool
    enable_workflow_analytics: bool
    sqlalchemy_url: str | None
    analytics_rebuild_start_time: str | None
    analytics_rebuild_days_ago: int | None

    _base: Settings
    _opened_cluster: Cluster | None = None
    _opened_catalogue: WorkflowCatalogue | None = None
    _opened_catalogue_for: Mapping[str, WorkflowSettings] | None = None
    _opened_session: ScriptSession | None = None

    @property
    def _settings(self) -> Settings:
        """The settings, with every attribute that says something else obeyed."""
        names: dict[str, Any] = {name: getattr(self, name) for name in keywords_of(self._base)}
        return settings_with(self._base, names)

    @property
    def _cluster(self) -> Cluster:
        """The cluster, over the one login of this client; another one when its settings were changed."""
        settings = dataclasses.replace(
            self._settings.cluster,
            connect_timeout_s=self.connect_timeout or CONNECT_TIMEOUT_S,
            connect_attempts=CONNECT_ATTEMPTS,
        )
        if self._opened_cluster is not None and self._opened_cluster.settings != settings:
            self._opened_cluster.shell.close()
            self._opened_cluster = None
        if self._opened_cluster is None:
            self._opened_cluster = ClusterDoor(self._settings).open(settings)
        return self._opened_cluster

    @property
    def _catalogue(self) -> WorkflowCatalogue:
        workflows = self._settings.workflows
        if self._opened_catalogue is None or self._opened_catalogue_for != workflows:
            self._opened_catalogue, self._opened_catalogue_for = open_catalogue(self._settings), workflows
        return self._opened_catalogue

    @property
    def _scripts(self) -> ScriptSession:
        """What the use cases behind data folders and jobs are given."""
        settings, cluster = self._settings, self._cluster
        known = self._opened_session
        if known is None or known.settings != settings or known.cluster != cluster:
            known = ScriptSession(
                cluster=cluster, settings=settings, workflows=self._catalogue, clock=SystemClock()
            )
            self._opened_session = known  # it remembers where the data folder is
        return known
