"""The machine-readable document of a run: ``run.json``, and what ``--json`` prints."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from biomero.domain.descriptor import ParameterValue
from biomero.domain.failure import Failure
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import TaskReport
from biomero.domain.run_status import ImageStage, RunStatus, StageStatus

SCHEMA_VERSION = "1.0"
"""Of the document: the first number grows when a key changes its meaning or goes away."""


class OutputKind(enum.Enum):
    """What a file of the results is."""

    LABEL = "label"
    """A label image: each object's pixels hold its number, the background 0."""
    IMAGE = "image"
    TABLE = "table"
    FILE = "file"
    ZARR = "zarr"
    """A source image with its labels, as OME-Zarr; made by BIOMERO."""
    OVERLAY = "overlay"
    """A picture of a source image with the outlines of its labels; made by BIOMERO."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRecord:
    """Which workflow ran, exactly.

    Parameters
    ----------
    container_identity
        The digest of the container image, or the hash of folder and environment.
    runtime
        ``apptainer``, ``singularity`` or ``process``.
    """

    name: str
    reference: str
    version: str
    container_image: str | None = None
    container_identity: str | None = None
    runtime: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTiming:
    """When a step began, and how long it took; both are ``None`` while it has not come so far."""

    name: str
    started: datetime | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """When the run was asked for, when it ended, and its steps in their order."""

    created: datetime
    finished: datetime | None = None
    steps: tuple[StepTiming, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """An image of the run.

    Parameters
    ----------
    source
        The path (or address) it was read from, as the user gave it.
    sha256
        Of the source file; ``None`` where it is a folder or was never read.
    staged_name
        Its file or folder name on the cluster.
    stages
        How far it came; stages that are left out are pending.
    objects
        How many objects its label images hold; ``None`` where there are none.
    """

    index: int
    name: str
    source: str
    sha256: str | None = None
    staged_name: str | None = None
    stages: Mapping[ImageStage, StageStatus] = field(default_factory=dict)
    failure: Failure | None = None
    objects: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRecord:
    """A file or folder that went into a further input of the workflow.

    Parameters
    ----------
    input
        The input's id.
    source
        The path (or address) it was read from, as the user gave it.
    name
        What it was called on the cluster; of a folder, that is the name of none of its files.
    size, checksum
        As OMERO had them when the run was asked for, the checksum as ``SHA1-160:…``; ``None`` where nobody
        knows.
    """

    input: str
    source: str
    name: str
    size: int | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job of the run.

    Parameters
    ----------
    step
        What it was for, such as ``conversion`` or ``workflow``.
    tasks
        What is known of it; empty while nobody knows the job.
    logs
        Its logs, relative to the results folder; where there are as many as tasks, in their order.
    """

    key: JobKey
    step: str
    cluster: str
    job_id: SlurmJobId | None = None
    tasks: tuple[TaskReport, ...] = ()
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """A file or OME-Zarr folder of the results.

    Parameters
    ----------
    path
        Relative to the results folder, with ``/`` between its parts.
    sha256
        Of the file; of a folder, that of the list of its files as ``sha256sum`` prints it.
    image
        The index of the image it belongs to; ``None`` where it belongs to the run.
    made_as
        The name that the workflow gave it; ``None`` where BIOMERO made it.
    objects
        For label images: how many objects it holds.
    """

    path: str
    sha256: str
    size: int
    kind: OutputKind
    image: int | None = None
    made_as: str | None = None
    objects: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRecord:
    """What a run made in OMERO.

    Parameters
    ----------
    output
        The result that it was made of; empty where it was made of none.
    kind, id
        The object.
    rois
        How many ROIs it got; 0 where it was itself made.
    """

    output: str
    kind: str
    id: int
    rois: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """What the run cost the cluster's login node."""

    ssh_logins: int = 0
    remote_commands: int = 0
    status_polls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDocument:
    """Everything that is known of a run.

    Parameters
    ----------
    cluster
        The alias of the cluster; ``local`` where jobs run on this machine.
    logs
        Every log in the results folder, relative to it.
    problems
        One sentence for each thing that did not work and did not stop the run either.
    objects
        What is in OMERO of it.
    results_at
        Where in OMERO people look at them, as ``Dataset:5``; the first few.
    images_at
        The folder on the cluster in which images stay, where that is what the run was for.
    """

    id: RunId
    status: RunStatus
    workflow: WorkflowRecord
    cluster: str
    user: str
    times: RunTimes
    biomero_version: str
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    images: tuple[ImageRecord, ...] = ()
    attachments: tuple[AttachmentRecord, ...] = ()
    jobs: tuple[JobRecord, ...] = ()
    outputs: tuple[OutputRecord, ...] = ()
    failure: Failure | None = None
    counts: RunCounts = field(default_factory=RunCounts)
    logs: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    objects: tuple[ObjectRecord, ...] = ()
    results_at: tuple[str, ...] = ()
    images_at: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the document as plain values, in a fixed order of keys."""
        return {"schema_version": SCHEMA_VERSION, **_plain_fields(self)}

    def to_json(self) -> str:
        r"""Return the document as JSON in ASCII; equal documents give equal text.

        Bytes of file names that are not UTF-8 appear as lone surrogates (``\udcXX``), as Python has them.
        """
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _plain_fields(value: object) -> dict[str, Any]:
    assert dataclasses.is_dataclass(value)  # noqa: S101 - tells the type checker
    return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}


def _plain(value: object) -> Any:  # noqa: ANN401, PLR0911 - JSON has no type of its own; a table of cases
    """Return a value in the words of JSON."""
    match value:
        case enum.Enum():
            return value.text if hasattr(value, "text") else value.value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case Mapping():
            return {str(_plain(k)): _plain(v) for k, v in value.items()}
        case tuple() | list():
            return [_plain(v) for v in value]
        case float() if not math.isfinite(value):
            return str(value)  # JSON knows neither infinity nor nan
        case _ if dataclasses.is_dataclass(value):
            return _plain_fields(value)
        case _:
            return value
