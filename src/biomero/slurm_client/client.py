"""`SlurmClient`: the documented way for scripts to a cluster."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from biomero.adapters.config import local_path
from biomero.bootstrap import default_settings, settings_for
from biomero.errors import ConfigurationError
from biomero.slurm_client.configuration import ConfigurationCalls
from biomero.slurm_client.data import DataCalls
from biomero.slurm_client.jobs import JobCalls
from biomero.slurm_client.options import keywords_of
from biomero.slurm_client.setup import SetupCalls

logger = logging.getLogger("biomero.slurm_client")

_NOT_OBEYED = {
    "user": "write `User` into ~/.ssh/config",
    "port": "write `Port` into ~/.ssh/config",
    "config": "Fabric is not used any more",
    "gateway": "write `ProxyJump` into ~/.ssh/config",
    "forward_agent": "agents are never forwarded",
    "connect_kwargs": "write keys and options into ~/.ssh/config",
}


class SlurmClient(ConfigurationCalls, SetupCalls, JobCalls, DataCalls):
    """Transfers data to a Slurm cluster, runs workflows there, and brings results back.

    Making one contacts nothing: it logs in, opens the database and asks code hosts when a call needs
    them. Use it in a ``with`` block, which closes all that was opened.

    Parameters
    ----------
    host
        The alias of OpenSSH's client configuration.
    config_only
        Only the configuration is wanted: nothing is tracked, and no cluster is prepared.
    init_slurm
        Prepare the cluster at once, as `setup_slurm` does.

    Examples
    --------
    >>> client = SlurmClient(host="mycluster", slurm_data_path="/scratch/me/data", config_only=True)
    >>> client.slurm_data_path
    '/scratch/me/data'
    """

    _DEFAULT_HOST = "slurm"
    _DEFAULT_INLINE_SSH_ENV = True
    _DEFAULT_SLURM_DATA_PATH = "my-scratch/data"
    _DEFAULT_SLURM_IMAGES_PATH = "my-scratch/singularity_images/workflows"
    _DEFAULT_SLURM_CONVERTERS_PATH = "my-scratch/singularity_images/converters"
    _DEFAULT_SLURM_GIT_SCRIPT_PATH = "slurm-scripts"

    def __init__(
        self,
        host: str = _DEFAULT_HOST,
        user: str | None = None,
        port: int | None = None,
        config: object = None,
        gateway: object = None,
        forward_agent: bool | None = None,
        connect_timeout: float | None = None,
        connect_kwargs: Mapping[str, Any] | None = None,
        inline_ssh_env: bool = _DEFAULT_INLINE_SSH_ENV,
        slurm_data_path: str = _DEFAULT_SLURM_DATA_PATH,
        slurm_images_path: str = _DEFAULT_SLURM_IMAGES_PATH,
        slurm_converters_path: str = _DEFAULT_SLURM_CONVERTERS_PATH,
        slurm_model_paths: dict[str, str] | None = None,
        slurm_model_repos: dict[str, str] | None = None,
        slurm_model_images: dict[str, str] | None = None,
        converter_images: dict[str, str] | None = None,
        slurm_model_jobs: dict[str, str] | None = None,
        slurm_model_jobs_params: dict[str, list[str]] | None = None,
        slurm_model_use_gpu: dict[str, bool] | None = None,
        slurm_script_path: str = _DEFAULT_SLURM_GIT_SCRIPT_PATH,
        slurm_script_repo: str | None = None,
        init_slurm: bool = False,
        track_workflows: bool = True,
        enable_job_accounting: bool = True,
        enable_job_progress: bool = True,
        enable_workflow_analytics: bool = True,
        sqlalchemy_url: str | None = None,
        config_only: bool = False,
        slurm_data_bind_path: str | None = None,
        slurm_conversion_partition: str | None = None,
        slurm_default_partition: str | None = None,
        sacct_start_time: str | None = None,
        sacct_days_ago: int | None = None,
        env_file_submission: bool = False,
        inject_gpu_flag: bool = False,
        gpu_partition: str | None = None,
        gpu_gres: str | None = None,
        gpu_gpus: str | None = None,
        slurm_global_job_params: list[str] | None = None,
        slurm_image_pull_via_sbatch: bool = False,
        image_pull_cpus: str = "8",
        image_pull_mem: str = "32G",
        apptainer_tmpdir: str | None = None,
        apptainer_cachedir: str | None = None,
        slurm_zip_cmd: str | None = None,
        analytics_rebuild_start_time: str | None = None,
        analytics_rebuild_days_ago: int | None = None,
    ) -> None:
        given = dict(locals())
        for name in ("self", "init_slurm", "__class__"):
            given.pop(name, None)
        if gpu_gres and gpu_gpus:
            raise ConfigurationError("gpu_gres and gpu_gpus say the same in two ways: set one of them")
        for name, remedy in _NOT_OBEYED.items():
            if given[name] is not None:
                logger.warning("SlurmClient(%s=…) is not obeyed: %s", name, remedy)
        self._base = default_settings()
        self._take(given)
        if init_slurm and not config_only:
            self.setup_slurm()

    @classmethod
    def from_config(
        cls,
        configfile: str = "",
        init_slurm: bool = False,
        config_only: bool = False,
    ) -> Self:
        """Make a client from ``slurm-config.ini``: the usual places, then `configfile`.

        Raises
        ------
        ConfigurationError
            If a file or a value is wrong; the message names file, line, section and key.
        """
        file = local_path(configfile) if configfile else None
        settings = settings_for(config=file, otherwise=cls._DEFAULT_HOST)
        for warning in settings.warnings:
            logger.warning("%s", warning)
        client = cls(config_only=config_only)
        client._base = settings
        client._take(keywords_of(settings))
        if init_slurm and not config_only:
            client.setup_slurm()
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Log out, and close the database and the session for code hosts."""
        self.close()
        self.close_tracking()
        if self._session is not None:
            self._session.close()

    def __repr__(self) -> str:
        return f"<SlurmClient host={self.host}>"

    def _take(self, given: Mapping[str, Any]) -> None:
        """Make attributes of keywords; what is not given is as the settings have it."""
        known = keywords_of(self._base)
        for name, value in given.items():
            setattr(self, name, known.get(name) if value is None else value)
