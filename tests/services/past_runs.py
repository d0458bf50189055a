"""Runs that have ended, in a real record, with real files: without having run anything."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from biomero.application.describe_run import output_to_json
from biomero.application.hash_source import hash_source
from biomero.application.omero_request import OmeroRequest
from biomero.application.results_folder import fingerprint
from biomero.application.run_document import OutputKind, OutputRecord
from biomero.application.run_record import RunRecord
from biomero.application.run_request import RequestedImage, RunRequest
from biomero.application.settings import Settings
from biomero.bootstrap import open_catalogue, open_record
from biomero.domain.descriptor import ParameterValue
from biomero.domain.ids import RunId
from services.command import THRESHOLD

KINDS = {
    "labels": OutputKind.LABEL,
    "images": OutputKind.IMAGE,
    "tables": OutputKind.TABLE,
    "files": OutputKind.FILE,
    "zarr": OutputKind.ZARR,
    "overlays": OutputKind.OVERLAY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A user's home: a record, and folders for images and results."""

    path: Path
    settings: Settings
    record: RunRecord

    @classmethod
    def at(cls, path: Path) -> Home:
        settings = Settings(
            state_folder=path / "state", cache_folder=path / "cache", shipped_workflows=path / "none"
        )
        return cls(path=path, settings=settings, record=open_record(settings))

    def image(self, name: str, content: bytes = b"pixels") -> Path:
        path = self.path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a past run was asked for."""

    parameters: Mapping[str, ParameterValue] = field(default_factory=lambda: {"level": 100, "behave": "well"})
    attachments: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    runtime: str = "process"
    container_image: str | None = None
    results: str = "results"
    workflow: Path = THRESHOLD
    program: bytes = b"program"
    omero: OmeroRequest | None = None


def past_run(
    home: Home,
    images: tuple[Path, ...],
    outputs: Mapping[str, bytes],
    *,
    asked: Asked | None = None,
    end: str = "done",
) -> RunId:
    """Record a run that ended, whose outputs lie in its results folder."""
    asked = asked or Asked()
    workflow = open_catalogue(home.settings).find(str(asked.workflow))
    request = RunRequest(
        workflow=str(asked.workflow),
        workflow_name=workflow.descriptor.name,
        workflow_version=workflow.version,
        workflow_file=workflow.descriptor_file.absolute(),
        parameters=asked.parameters,
        images=tuple(RequestedImage(index=i, name=f"image_{i}", path=path) for i, path in enumerate(images)),
        results=home.path / asked.results,
        attachments=asked.attachments,
        runtime=asked.runtime,
        container_image=asked.container_image,
        requested_by="ada",
        omero=asked.omero,
    )
    run_id = home.record.start(name=workflow.descriptor.name, description="", request=request.to_json())
    for image in request.images:
        digest = hash_source(image.path) if asked.omero is None else "0" * 64
        home.record.change(run_id, lambda run, i=image.index, d=digest: run.hash_image(i, d))  # type: ignore[misc] # mypy infers no type for a lambda's default
    request.results.mkdir(parents=True, exist_ok=True)
    (request.results / "report.html").write_text("<p>went well</p>")
    (request.results / "logs").mkdir(exist_ok=True)
    (request.results / "logs" / "workflow-1.log").write_text("said something\n")
    records = [_delivered(request.results, name, content) for name, content in outputs.items()]

    identity = f"sha256:{hashlib.sha256(asked.program).hexdigest()}"
    home.record.change(run_id, lambda run: run.prepare_program(identity, ["python", "threshold.py"]))
    home.record.change(run_id, lambda run: run.deliver([output_to_json(o) for o in records], []))
    if end == "done":
        home.record.change(run_id, lambda run: run.complete())
    elif end == "cancelled":
        home.record.change(run_id, lambda run: run.cancel())
    return run_id


def _delivered(results: Path, name: str, content: bytes) -> OutputRecord:
    """Write an output; a name that ends in ``.zarr`` becomes a folder with one file."""
    path = results / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".zarr"):
        (path / "0").mkdir(parents=True)
        (path / "zarr.json").write_bytes(b"{}")
        (path / "0" / "0").write_bytes(content)
    else:
        path.write_bytes(content)
    sha256, size = fingerprint(path)
    kind = KINDS[name.partition("/")[0]]
    return OutputRecord(path=name, sha256=sha256, size=size, kind=kind, image=0, made_as="out.tif")
