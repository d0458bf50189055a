"""Settings, one dataclass a concern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from biomero.domain.job import JobResources
from biomero.domain.retry import RetryPolicy

MIN_CHANNELS = 2
"""One for a transfer, one for what must not wait for it."""

RUNTIMES = ("apptainer", "singularity", "process")
"""The ways in which a workflow's program can be run."""

NOTIFIED = ("done", "failed", "paused")
"""The statuses of a run that people may want to be told of."""

LOG_FORMATS = ("text", "json")
SMTP_SECURITY = ("starttls", "tls", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSettings:
    """How container images get to the cluster.

    Parameters
    ----------
    as_job
        Pull in jobs, on compute nodes, rather than on the login node.
    resources
        What such a job asks for.
    temporary_folder, cache_folder
        The runtime's folders for building and for layers, on the cluster.
    """

    as_job: bool = False
    resources: JobResources = field(default_factory=lambda: JobResources(cpus=8, memory_mb=32 * 1024))
    temporary_folder: str | None = None
    cache_folder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsSettings:
    """Whether and where runs are tracked, and which views are kept.

    Parameters
    ----------
    database_url
        As SQLAlchemy spells it; ``None`` for SQLite in the state folder. Holds a password: never shown.
    rebuild_start_time, rebuild_days_ago
        How far back views are rebuilt: from a day on (``YYYY-MM-DD``), or for the last days, which wins.
    """

    track_workflows: bool = True
    enable_job_accounting: bool = True
    enable_job_progress: bool = True
    enable_workflow_analytics: bool = True
    database_url: str | None = field(default=None, repr=False)
    rebuild_start_time: str | None = None
    rebuild_days_ago: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSettings:
    """How e-mail is sent.

    Parameters
    ----------
    to
        Addresses; ``{user}`` stands for who asked for the run.
    security
        ``starttls``, ``tls`` from the first byte on, or ``none``.
    """

    host: str
    to: tuple[str, ...]
    sender: str
    port: int = 587
    security: str = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """What is called over HTTP.

    Parameters
    ----------
    url
        May hold a token: never shown whole.
    secret
        What messages are signed with.
    """

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """Whom a worker tells how runs end.

    Parameters
    ----------
    on
        Names of the statuses that are told.
    """

    on: tuple[str, ...] = NOTIFIED
    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroSettings:
    """Where OMERO is, and as whom a worker logs in there.

    Parameters
    ----------
    port
        Of Glacier2 over TLS.
    user, password
        The service account: a restricted administrator with the right *Sudo* and no other; or, at a shell,
        the user.
    is_sudo
        The account acts for the users of runs; otherwise everything is done as the account itself.
    is_encrypted
        Pixels go over TLS too; not so, they take the router's plain port, for closed networks only.
    repository
        OMERO's managed repository as it is mounted here; original files are read from there. ``None``
        where it is not mounted.
    in_place
        Folders that links in the repository may lead to.
    streams
        How many pixel stores are read at once.
    web_url
        OMERO.web, for links to what was made.
    """

    host: str
    user: str
    password: str = field(repr=False)
    port: int = 4064
    is_sudo: bool = True
    is_encrypted: bool = True
    repository: Path | None = None
    in_place: tuple[Path, ...] = ()
    streams: int = 3
    web_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """A worker's own.

    Parameters
    ----------
    http_address
        Where it says how it is, as ``host:port``; ``None`` where nobody said.
    log_format
        ``text`` or ``json``.
    max_exports, max_submits, max_fetches, max_deliveries
        How many runs may at once read and send images, talk to the scheduler, fetch results, and write
        them, all workers counted.
    max_runs_per_user
        How many runs of one user may have jobs on a cluster at once; ``None`` for any number.
    max_conversions
        How many runs may have a conversion's job on a cluster at once; ``None`` for any number.
    socket
        Where programs of this machine, such as scripts of OMERO, ask for runs; ``None`` for a place below
        the state folder.
    """

    http_address: str | None = None
    socket: Path | None = None
    log_format: str = "text"
    max_exports: int = 4
    max_submits: int = 8
    max_fetches: int = 4
    max_deliveries: int = 4
    max_runs_per_user: int | None = None
    max_conversions: int | None = None


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
    resources
        What every job asks for, unless something more special does.
    conversion_partition
        Where conversions run; ``None`` where they run like all other jobs.
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
    script_path, script_repository
        Where job scripts of a facility's own are, those that a workflow's ``_job`` names; and where they
        come from.
    data_bind_path
        Folders that every container sees, as ``APPTAINER_BINDPATH`` has them.
    gpu
        What a job that wants a GPU asks for where its workflow does not say.
    injects_gpu_flag
        Whether a caller's ``use_gpu`` decides on the GPU; otherwise the workflow's settings do.
    accounting_start, accounting_days
        From when on lists of jobs are wanted: a day (``YYYY-MM-DD``), or the last days, which wins.
    pulls
        How container images get to the cluster.
    zip_command
        What packs and unpacks archives on the cluster, where it is not found by itself.
    connect_timeout_s, connect_attempts
        How long, and how often, reaching the login node is tried before a caller hears that it failed.
    commands_per_s, command_burst
        How many commands the run engine sends there, in the long run and at once.
    array_limit
        How many tasks of a job array run at the same time; ``None`` leaves it to the cluster.
    max_runs
        How many runs may have jobs there at once; ``None`` for any number.
    retry
        Which failed jobs are tried again by themselves.
    """

    name: str = "local"
    ssh_host: str | None = None
    ssh_config: Path | None = None
    data_path: str = "my-scratch/data"
    images_path: str = "my-scratch/singularity_images/workflows"
    converters_path: str = "my-scratch/singularity_images/converters"
    resources: JobResources = field(default_factory=JobResources)
    conversion_partition: str | None = None
    container_executable: str | None = None
    container_modules: tuple[str, ...] = ()
    conversion_runtime: str = "process"
    prologue: tuple[str, ...] = ()
    max_channels: int = 6
    script_path: str = "slurm-scripts"
    script_repository: str | None = None
    data_bind_path: str | None = None
    gpu: JobResources = field(default_factory=JobResources)
    injects_gpu_flag: bool = False
    accounting_start: str = "2023-01-01"
    accounting_days: int | None = None
    pulls: PullSettings = field(default_factory=PullSettings)
    zip_command: str | None = None
    connect_timeout_s: float = 20.0
    connect_attempts: int = 3
    commands_per_s: float = 2.0
    command_burst: int = 30
    array_limit: int | None = None
    max_runs: int | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    @property
    def conversion_resources(self) -> JobResources:
        """What every conversion job asks for, unless something more special does."""
        partition = self.conversion_partition or self.resources.partition
        return replace(self.resources, partition=partition)

    def retry_policy(self, workflow: WorkflowSettings | None) -> RetryPolicy:
        """Return which failed jobs of a workflow are tried again here."""
        if workflow is None:
            return self.retry
        return replace(
            self.retry,
            memory_factor=workflow.retry_memory_factor or self.retry.memory_factor,
            time_factor=workflow.retry_time_factor or self.retry.time_factor,
        )

    @property
    def is_local(self) -> bool:
        """Jobs run on this machine, without Slurm and SSH."""
        return self.ssh_host is None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSettings:
    """What a facility says of one workflow: where it is, and what its jobs ask for.

    Parameters
    ----------
    reference
        The address or path of its descriptor's folder.
    image_folder
        Its folder below the cluster's `images_path`; empty for the folder itself.
    job_script
        A job script of the facility's own, below the cluster's `script_path`.
    job_flags
        ``sbatch``'s options as they were written, such as ``{"mem": "16G"}``; `resources` are made of them.
    uses_gpu
        Its jobs get a GPU and its container may use it.
    retry_memory_factor, retry_time_factor
        See `RetryPolicy`; ``None`` for what the cluster says.
    cluster
        The cluster that it runs on, by name, where it is not the one that was asked for.
    is_brought_along
        Only the file that comes with BIOMERO speaks of it; nobody here asked for it.
    """

    reference: str
    resources: JobResources = field(default_factory=JobResources)
    image_folder: str = ""
    job_script: str | None = None
    job_flags: Mapping[str, str] = field(default_factory=dict)
    uses_gpu: bool = False
    retry_memory_factor: float | None = None
    retry_time_factor: float | None = None
    cluster: str | None = None
    is_brought_along: bool = False


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
    cluster
        The cluster that this command or worker uses.
    clusters
        Every cluster that the configuration describes, by name; ``slurm`` is the one of [SSH] and [SLURM].
    converters
        Images of converters by what they convert, such as ``{"zarr_to_tiff": "org/convert:1.2"}``.
    omero
        The OMERO server; ``None`` where there is none.
    warnings
        What in the configuration is likely a mistake, in words for an admin.
    """

    state_folder: Path
    cache_folder: Path
    shipped_workflows: Path
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    workflows: Mapping[str, WorkflowSettings] = field(default_factory=dict)
    clusters: Mapping[str, ClusterSettings] = field(default_factory=dict)
    converters: Mapping[str, str] = field(default_factory=dict)
    analytics: AnalyticsSettings = field(default_factory=AnalyticsSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    omero: OmeroSettings | None = None
    warnings: tuple[str, ...] = ()
