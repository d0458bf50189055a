"""What happened, as actions: the run, the jobs that it took, and the programs that did it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from biomero.adapters.rocrate.uris import fragment
from biomero.application.ports.crate import CrateRole, RunCrate
from biomero.application.run_document import JobRecord, RunDocument
from biomero.domain.descriptor import ParameterValue
from biomero.domain.image_reference import ImageReference
from biomero.domain.job import TaskReport
from biomero.domain.run_status import RunStatus
from biomero.errors import ContainerImageError

Entity = dict[str, Any]

_TERMS = "https://w3id.org/ro/terms/workflow-run#"
_SCHEMA = "http://schema.org/"
_DOCKER_HUB = "docker.io"


def reference(own_id: str) -> Entity:
    """Return how one entity points to another."""
    return {"@id": own_id}


def references(ids: Iterable[str]) -> list[Entity] | Entity:
    """Return how an entity points to several, each once; a single one stands by itself."""
    found = [reference(own_id) for own_id in dict.fromkeys(ids)]
    return found[0] if len(found) == 1 else found


def run_action(crate: RunCrate) -> str:
    """Return the id of the action that the run is."""
    return fragment("run", crate.document.id)


def actions_of(crate: RunCrate, parts: Mapping[CrateRole, Sequence[str]]) -> Iterator[Entity]:
    """Yield the run as a ``CreateAction``, and everything that it points to but files.

    Parameters
    ----------
    parts
        The ids of the crate's parts.
    """
    document = crate.document
    yield _run(crate, parts)
    yield _program(crate)
    yield from _container(crate)
    if document.user:
        yield {"@id": fragment("person", document.user), "@type": "Person", "name": document.user}
    for name, value in document.parameters.items():
        yield _property(fragment("parameter", name), name, value)
    yield _orchestration(crate)
    yield {
        "@id": _biomero(document),
        "@type": "SoftwareApplication",
        "name": "BIOMERO",
        "url": "https://pypi.org/project/biomero/",
        "softwareVersion": document.biomero_version,
    }
    for job in document.jobs:
        yield _job(job)
        yield from _usages(job)


def _run(crate: RunCrate, parts: Mapping[CrateRole, Sequence[str]]) -> Entity:
    document = crate.document
    inputs = [*parts[CrateRole.INPUT], *(fragment("parameter", name) for name in document.parameters)]
    action: Entity = {
        "@id": run_action(crate),
        "@type": "CreateAction",
        "name": f"Run of {document.workflow.name}",
        "description": (
            f"Run of {document.workflow.name} on {document.cluster}, which ended as {document.status.value}"
        ),
        "identifier": document.id,
        "instrument": reference(crate.workflow.address),
        "object": references(inputs),
        "result": references(parts[CrateRole.OUTPUT]),
        "subjectOf": references(parts[CrateRole.RECORD]),
        "actionStatus": _status(has_succeeded=document.status is RunStatus.DONE),
        **_span(document.times.created, document.times.finished),
    }
    if document.user:
        action["agent"] = reference(fragment("person", document.user))
    if document.status is not RunStatus.DONE:
        action["error"] = _error(document)
    if container := _container_id(crate):
        action["containerImage"] = reference(container)
    return action


def _status(*, has_succeeded: bool) -> str:
    return f"{_SCHEMA}{'Completed' if has_succeeded else 'Failed'}ActionStatus"


def _span(start: datetime, end: datetime | None) -> Entity:
    moments = {"startTime": start, "endTime": end}
    return {name: at.isoformat(timespec="milliseconds") for name, at in moments.items() if at is not None}


def _error(document: RunDocument) -> str:
    if document.failure is None:
        return f"The run was {document.status.value}."
    return f"{document.failure.failure_class.value}: {document.failure.message}"


def _program(crate: RunCrate) -> Entity:
    workflow = crate.document.workflow
    program: Entity = {
        "@id": crate.workflow.address,
        "@type": "SoftwareApplication",
        "name": workflow.name,
        "softwareVersion": workflow.version or "unknown",
        "url": crate.workflow.address,
    }
    if crate.workflow.description:
        program["description"] = crate.workflow.description
    if workflow.container_identity and not _container_id(crate):
        program["identifier"] = workflow.container_identity  # of its files and the environment they ran in
    return program


def _container_id(crate: RunCrate) -> str | None:
    return "#container-image" if crate.workflow.container_image else None


def _container(crate: RunCrate) -> Iterator[Entity]:
    """Yield the container image: named as its registry has it, hashed as the file that ran."""
    name, own_id = crate.workflow.container_image, _container_id(crate)
    if name is None or own_id is None:
        return
    image: Entity = {
        "@id": own_id,
        "@type": "ContainerImage",
        "additionalType": reference(f"{_TERMS}SIFImage"),
        "name": name,
    }
    parsed = _parsed(name)
    if parsed is not None:
        image["registry"] = parsed.registry or _DOCKER_HUB
        image["name"] = parsed.repository
        if parsed.tag:
            image["tag"] = parsed.tag
        if parsed.digest:
            image["identifier"] = parsed.digest
    if digest := crate.document.workflow.container_identity:
        image["sha256"] = digest.removeprefix("sha256:")
    yield image


def _parsed(image: str) -> ImageReference | None:
    """Return the parts of an image's name; ``None`` for a file, of which no registry knows."""
    if image.endswith(".sif"):
        return None
    try:
        return ImageReference.parse(image)
    except ContainerImageError:
        return None


def _property(own_id: str, name: str, value: ParameterValue) -> Entity:
    is_plain = not isinstance(value, float) or math.isfinite(value)  # JSON has neither infinity nor nan
    return {
        "@id": own_id,
        "@type": "PropertyValue",
        "name": name,
        "value": value if is_plain else str(value),
    }


def _biomero(document: RunDocument) -> str:
    return f"https://pypi.org/project/biomero/{document.biomero_version}/"


def _orchestration(crate: RunCrate) -> Entity:
    """Return what BIOMERO did: it took the run through its jobs."""
    document = crate.document
    action: Entity = {
        "@id": fragment("orchestration", document.id),
        "@type": "OrganizeAction",
        "name": f"BIOMERO took the run through {len(document.jobs)} job{'s' * (len(document.jobs) != 1)}",
        "instrument": reference(_biomero(document)),
        "object": references(fragment("job", job.key) for job in document.jobs),
        "result": reference(run_action(crate)),
        **_span(document.times.created, document.times.finished),
    }
    if document.user:
        action["agent"] = reference(fragment("person", document.user))
    return action


def _job(job: JobRecord) -> Entity:
    has_succeeded = bool(job.tasks) and all(task.state.is_success for task in job.tasks)
    states = ", ".join(dict.fromkeys(_state(task) for task in job.tasks)) or "unknown"
    action: Entity = {
        "@id": fragment("job", job.key),
        "@type": "ControlAction",
        "name": f"Job {job.job_id or 'without a number'} on {job.cluster}, for the step {job.step}",
        "description": f"{states}; {len(job.tasks)} task{'s' * (len(job.tasks) != 1)}",
        "identifier": job.key,
        "actionStatus": _status(has_succeeded=has_succeeded),
    }
    if not has_succeeded:
        action["error"] = states
    if usages := references(usage["@id"] for usage in _usages(job)):
        action["resourceUsage"] = usages
    return action


def _state(task: TaskReport) -> str:
    return f"{task.state.text} ({task.reason})" if task.reason else task.state.text


def _usages(job: JobRecord) -> Iterator[Entity]:
    """Yield what each task of a job used, as far as accounting says."""
    for task in job.tasks:
        number = f"{job.key}/{task.index or 0}"
        where = f"job {job.job_id}" + ("" if task.index is None else f", task {task.index}")
        for name, value, unit in (
            ("elapsed time", task.usage.elapsed_s, "s"),
            ("CPU time", task.usage.cpu_s, "s"),
            ("largest memory", task.usage.max_memory_mb, "MiB"),
            ("CPUs allocated", task.usage.allocated_cpus, None),
            ("GPUs allocated", task.usage.gpus, None),
            ("energy", task.usage.energy_j, "J"),
            ("node", task.usage.node, None),
        ):
            if value is None:
                continue
            usage = _property(fragment("usage", f"{number}/{name}"), f"{name} of {where}", value)
            yield usage if unit is None else {**usage, "unitText": unit}
