"""What a job that failed asks for the next time, where asking for something else may help."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from biomero.domain.job import JobResources, JobState, TaskReport

PREFLIGHT_EXIT_CODE = 119
"""How a job script ends that finds its node unfit before it begins; no shell and no runtime uses it."""

_NODE_STATES = frozenset(
    {JobState.NODE_FAIL, JobState.BOOT_FAIL, JobState.LAUNCH_FAILED, JobState.RECONFIG_FAIL}
)
_SLURM_OUT_OF_MEMORY = 125
_SLURM_NO_FOLDER = 53
"""Slurm's own "signal" where the node cannot open the log or the working folder."""
_KILLED = 9
_NEAR = 0.8
"""Killed by nobody knows whom, with that share of the memory used, is out of memory."""

_MEMORY_OPTIONS = ("mem-per-cpu", "mem-per-gpu")
_AMOUNT = re.compile(r"(?P<number>\d+)(?P<unit>[KMGT]?)B?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Which failed jobs are tried again by themselves.

    Parameters
    ----------
    memory_factor, time_factor
        How much more memory or time a job gets that ran out of it; up to 1, it is not tried again.
    most
        How often a job is tried again for any reason.
    excludes_nodes
        A job whose node failed is tried once more, without that node; where nobody knows which one that was,
        it is not.
    """

    memory_factor: float = 1.0
    time_factor: float = 1.0
    most: int = 2
    excludes_nodes: bool = True


def is_worth_retrying(task: TaskReport, asked: JobResources, policy: RetryPolicy, *, attempt: int) -> bool:
    """Say whether a task that failed may end well if it asks for something else; see `next_resources`."""
    return next_resources([task], asked, policy, attempt=attempt) is not None


def next_resources(
    tasks: Sequence[TaskReport],
    asked: JobResources,
    policy: RetryPolicy,
    *,
    attempt: int,
    longest_min: int | None = None,
) -> JobResources | None:
    """Return what failed tasks ask for together the next time; ``None`` where they are not tried again.

    Parameters
    ----------
    tasks
        The reports on a job; those that ended well, or in a way that nothing helps against, do not count.
    asked
        All that the job asked for.
    attempt
        The number of the job that failed, from 1.
    longest_min
        The time limit of its partition, which more time never exceeds.

    Examples
    --------
    >>> policy = RetryPolicy(memory_factor=1.5)
    >>> failed = TaskReport(index=None, state=JobState.OUT_OF_MEMORY)
    >>> next_resources([failed], JobResources(memory_mb=1000), policy, attempt=1).memory_mb
    1500
    """
    if attempt > policy.most:
        return None
    wanted = asked
    starved = [task for task in tasks if is_out_of_memory(task, asked)]
    late = [task for task in tasks if task.state is JobState.TIMEOUT]
    if starved and policy.memory_factor > 1:
        wanted = _more_memory(starved, wanted, policy.memory_factor)
    if late and policy.time_factor > 1:
        wanted = _more_time(late, wanted, policy.time_factor, longest_min)
    failed = [task for task in tasks if is_fault_of_node(task)]
    if failed and policy.excludes_nodes and attempt == 1:
        wanted = _without(failed, wanted)
    return None if wanted == asked else wanted


def is_fault_of_node(task: TaskReport) -> bool:
    """Say whether it was the node, or the way to it, that failed."""
    return (
        task.state in _NODE_STATES
        or (task.state is JobState.FAILED and task.reason == "JobLaunchFailure")
        or (task.state is JobState.FAILED and task.exit_code == PREFLIGHT_EXIT_CODE)
        or (task.state is JobState.FAILED and task.signal == _SLURM_NO_FOLDER)
    )


def is_out_of_memory(task: TaskReport, asked: JobResources) -> bool:
    """Say whether a task ran out of memory, also where Slurm only says that it was killed."""
    if task.state is JobState.OUT_OF_MEMORY or task.reason == "OutOfMemory":
        return True
    if task.state is not JobState.FAILED:
        return False
    if task.signal == _SLURM_OUT_OF_MEMORY:
        return True
    was_killed = task.signal == _KILLED or task.exit_code == 128 + _KILLED
    used = task.usage.max_memory_mb
    return bool(was_killed and used and asked.memory_mb and used >= _NEAR * asked.memory_mb)


def _more_memory(tasks: Sequence[TaskReport], asked: JobResources, factor: float) -> JobResources:
    if asked.memory_mb is not None:
        # 0 is all that a node has
        return replace(asked, memory_mb=math.ceil(asked.memory_mb * factor))
    for option in _MEMORY_OPTIONS:
        found = _AMOUNT.fullmatch(asked.extra.get(option, "").strip())
        if found is not None:
            more = f"{math.ceil(int(found['number']) * factor)}{found['unit'].upper()}"
            return replace(asked, extra={**asked.extra, option: more})
    peak = max((task.usage.max_memory_mb or 0 for task in tasks), default=0)
    return replace(asked, memory_mb=math.ceil(peak * factor)) if peak else asked


def _more_time(
    tasks: Sequence[TaskReport], asked: JobResources, factor: float, longest_min: int | None
) -> JobResources:
    ran_min = math.ceil(max((task.usage.elapsed_s or 0 for task in tasks), default=0) / 60)
    had = asked.time_limit_min or ran_min
    more = math.ceil(had * factor)
    if longest_min is not None:
        more = min(more, longest_min)
    return replace(asked, time_limit_min=more) if more > had else asked


def _without(tasks: Sequence[TaskReport], asked: JobResources) -> JobResources:
    nodes = [*(asked.exclude or "").split(","), *(task.usage.node or "" for task in tasks)]
    return replace(asked, exclude=",".join(dict.fromkeys(filter(None, nodes))) or None)
