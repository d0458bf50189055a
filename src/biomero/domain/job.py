"""Jobs as Slurm knows them: what to ask for, and what it reports."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from biomero.domain.ids import JobKey, SlurmJobId


class JobState(enum.Enum):
    """The states of a Slurm job, spelt as ``sacct`` prints them, each with (final, success)."""

    BOOT_FAIL = ("BOOT_FAIL", True)
    CANCELLED = ("CANCELLED", True)
    COMPLETED = ("COMPLETED", True)
    COMPLETING = ("COMPLETING", False)
    CONFIGURING = ("CONFIGURING", False)
    DEADLINE = ("DEADLINE", True)
    EXPEDITING = ("EXPEDITING", False)
    FAILED = ("FAILED", True)
    LAUNCH_FAILED = ("LAUNCH_FAILED", True)
    NODE_FAIL = ("NODE_FAIL", True)
    OUT_OF_MEMORY = ("OUT_OF_MEMORY", True)
    PENDING = ("PENDING", False)
    POWER_UP_NODE = ("POWER_UP_NODE", False)
    PREEMPTED = ("PREEMPTED", True)
    RECONFIG_FAIL = ("RECONFIG_FAIL", True)
    REQUEUED = ("REQUEUED", False)
    REQUEUE_FED = ("REQUEUE_FED", False)
    REQUEUE_HOLD = ("REQUEUE_HOLD", False)
    RESIZING = ("RESIZING", False)
    RESV_DEL_HOLD = ("RESV_DEL_HOLD", False)
    REVOKED = ("REVOKED", True)
    RUNNING = ("RUNNING", False)
    SIGNALING = ("SIGNALING", False)
    SPECIAL_EXIT = ("SPECIAL_EXIT", False)
    STAGE_OUT = ("STAGE_OUT", False)
    STOPPED = ("STOPPED", False)
    SUSPENDED = ("SUSPENDED", False)
    TIMEOUT = ("TIMEOUT", True)
    UPDATE_DB = ("UPDATE_DB", False)

    def __init__(self, text: str, is_final: bool) -> None:  # noqa: FBT001 - a row of the table above
        self.text = text
        self.is_final = is_final

    @property
    def is_success(self) -> bool:
        """The job ended well."""
        return self is JobState.COMPLETED


_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResources:
    """What a job asks of the cluster; ``None`` leaves it to the cluster's default.

    Parameters
    ----------
    memory_mb
        Memory for each node, in MiB.
    time_limit_min
        Wall time, in minutes.
    gres
        Generic resources such as ``gpu:a100:1``; `gpus` is Slurm's newer ``--gpus``.
    extra
        Further ``sbatch`` options by their long name without dashes, such as ``{"wckey": "imaging"}``;
        an empty value stands for an option that takes none.
    """

    cpus: int | None = None
    memory_mb: int | None = None
    time_limit_min: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    gres: str | None = None
    gpus: str | None = None
    constraint: str | None = None
    exclude: str | None = None
    mail_user: str | None = None
    mail_type: str | None = None
    comment: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job to be submitted.

    Parameters
    ----------
    key
        The identity of the job, also its name: a second submission under the same key finds the first.
    script
        Path of the job script, as the machine that runs it sees it. The folder that holds it also
        takes what the submission leaves behind (lock, job id).
    log
        Where output goes; ``%j`` is the job id, or for arrays ``%A`` and ``%a``.
    array_size
        ``None`` for a single job, else the number of array tasks, numbered from 0.
    comment
        Free text that Slurm keeps with the job.
    """

    key: JobKey
    script: str
    log: str
    resources: JobResources = field(default_factory=JobResources)
    array_size: int | None = None
    array_limit: int | None = None
    comment: str = ""

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"not a job key: {self.key!r}")
        if self.array_size is not None and self.array_size < 1:
            raise ValueError(f"an array needs at least one task, not {self.array_size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRef:
    """A submitted job: our key, its id, and where its folder is (for exit-status files)."""

    key: JobKey
    job_id: SlurmJobId
    folder: str
    array_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobUsage:
    """What a job used, and what was set aside for it; ``None`` where accounting does not say.

    Parameters
    ----------
    partition
        The one that it ran in.
    started_at
        In seconds since 1970, by the cluster's clock.
    waited_s
        From its submission to its start, by the cluster's clock.
    allocated_memory_mb
        On each node.
    gpus
        Those that it was given; clusters need not count them.
    """

    elapsed_s: int | None = None
    cpu_s: float | None = None
    max_memory_mb: float | None = None
    node: str | None = None
    partition: str | None = None
    started_at: int | None = None
    waited_s: int | None = None
    allocated_cpus: int | None = None
    allocated_memory_mb: float | None = None
    gpus: int | None = None
    energy_j: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """The state of one array task, or of a single job (then `index` is ``None``).

    Parameters
    ----------
    reason
        Slurm's ``Reason``; empty where there is none.
    exit_code, signal
        The halves of Slurm's ``code:signal``; ``None`` while the task runs.
    """

    index: int | None
    state: JobState
    reason: str = ""
    exit_code: int | None = None
    signal: int | None = None
    usage: JobUsage = field(default_factory=JobUsage)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What is known of a job, array tasks one by one.

    A job that nobody knows has no report; a report is never made up.

    Parameters
    ----------
    missing_tasks
        Array tasks that nobody knows (now): as with a job that has no report, ask again before
        taking them for lost.
    """

    job_id: SlurmJobId
    tasks: tuple[TaskReport, ...]
    queue_position: int | None = None
    missing_tasks: tuple[int, ...] = ()

    @property
    def is_final(self) -> bool:
        """Every task is known to have ended."""
        return not self.missing_tasks and all(task.state.is_final for task in self.tasks)

    @property
    def is_success(self) -> bool:
        """Every task is known to have ended well."""
        return not self.missing_tasks and all(task.state.is_success for task in self.tasks)

    @property
    def state(self) -> JobState | None:
        """The job as one; ``None`` while nobody knows some of its tasks and all others have ended.

        It has ended when every task has: well if all did, else in the way of those that did not, or
        ``FAILED`` where these differ. Until then it runs, or waits if all tasks do.
        """
        states = {task.state for task in self.tasks}
        if all(state.is_final for state in states):
            bad = {state for state in states if not state.is_success}
            if self.missing_tasks or not states:
                return None
            return JobState.FAILED if len(bad) > 1 else next(iter(bad or states))
        if len(states) == 1:
            return next(iter(states))
        return JobState.RUNNING

    @property
    def failed_tasks(self) -> tuple[TaskReport, ...]:
        """The tasks that ended without success."""
        return tuple(t for t in self.tasks if t.state.is_final and not t.state.is_success)
