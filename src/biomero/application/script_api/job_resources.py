"""What the job of a script's call asks the cluster for."""

from __future__ import annotations

import re

from biomero.application.settings import ClusterSettings, WorkflowSettings
from biomero.domain.descriptor import WorkflowDescriptor
from biomero.domain.job import JobResources
from biomero.domain.resources import merge_resources
from biomero.errors import ParameterError

_CPUS, _MEMORY_MB, _TIME_MIN = 4, 5 * 1024, 45
"""What job scripts have always asked for where nobody said anything."""

_TIME = re.compile(r"(\d+-)?\d+(:\d+){0,2}")


def workflow_resources(
    cluster: ClusterSettings,
    own: WorkflowSettings,
    descriptor: WorkflowDescriptor,
    *,
    gpu: bool,
    has_own_script: bool = False,
) -> JobResources:
    """Merge what is asked for: the facility's word for this workflow counts most, then that for GPUs.

    Parameters
    ----------
    gpu
        The job is to have a GPU.
    has_own_script
        A job script of the facility's says itself what it needs, where the settings do not.
    """
    needs = descriptor.resources
    least = JobResources(
        cpus=max(_CPUS, needs.cpus or 0),
        memory_mb=max(_MEMORY_MB, needs.memory_mb or 0),
        time_limit_min=_TIME_MIN,
        mail_type="END,FAIL",
    )
    merged = merge_resources(
        JobResources() if has_own_script else least,
        cluster.resources,
        cluster.gpu if gpu else JobResources(),
        own.resources,
    )
    if own.resources.gres and not own.resources.gpus:
        return _without(merged, "gpus")
    if own.resources.gpus and not own.resources.gres:
        return _without(merged, "gres")
    if gpu and not merged.gres and not merged.gpus and needs.gpu:
        return merge_resources(merged, JobResources(gpus="1"))
    return merged


def asked_by_caller(resources: JobResources, *, email: str | None, time: str | None) -> JobResources:
    """Add what the caller of a run says; it counts before everything else.

    Raises
    ------
    ParameterError
        If `time` is not as Slurm writes times, or `email` is no address.
    """
    if time and not _TIME.fullmatch(time):
        raise ParameterError(f"the time limit {time!r} is not as Slurm writes it, such as 00:45:00")
    # Slurm takes a user's name as well.
    if email and (not email.isprintable() or email.startswith("-") or " " in email):
        raise ParameterError(f"{email!r} is no mail address")
    return merge_resources(
        resources,
        JobResources(mail_user=email or None, extra={"time": time} if time else {}),
    )


def _without(resources: JobResources, name: str) -> JobResources:
    """GPUs are asked for in one way: both together would be two requests."""
    named = {
        field: getattr(resources, field)
        for field in JobResources.__dataclass_fields__
        if field != name and getattr(resources, field) is not None
    }
    return JobResources(**named)
