"""What was asked for, whole: the part of a run's record that never changes."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from biomero.application.errand import Errand
from biomero.application.omero_request import OmeroRequest
from biomero.application.settings import Settings
from biomero.domain.descriptor import ParameterValue
from biomero.domain.job import JobResources
from biomero.domain.run_events import Json
from biomero.errors import UnknownRunError

OnError = Literal["continue", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedImage:
    """An image of a run.

    Parameters
    ----------
    name
        Its name during the run: safe for any program, unique in the run, without a suffix.
    path
        The local file or OME-Zarr folder; for an image of OMERO its address, ``omero:Image:5``.
    series
        Which image of the file it is, from 0.
    staged_as
        Its folder on the cluster, where that is in a plate: ``P.ome.zarr/A/1/0``.
    """

    index: int
    name: str
    path: Path
    series: int = 0
    staged_as: str = ""

    @property
    def staged_name(self) -> str:
        """Its OME-Zarr folder on the cluster, below those for images; ``/`` between parts."""
        return self.staged_as or f"{self.name}.ome.zarr"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run, as asked for.

    Parameters
    ----------
    workflow
        What the user called the workflow; `workflow_file` is its descriptor, `workflow_version` what was
        found there, pinned or not.
    attachments
        Local files and folders for the workflow's further inputs, by the input's id.
    cluster
        Name of the cluster; ``None`` for this machine.
    batch_size
        How many images a job gets; ``None`` gives all of them to one job.
    omero
        Where the images are, and what is made there, if they are in OMERO; all of them are, or none.
    errand
        What the run is for, where that is not a workflow's results.
    """

    workflow: str
    workflow_name: str
    workflow_version: str
    workflow_file: Path
    parameters: Mapping[str, ParameterValue]
    images: tuple[RequestedImage, ...]
    results: Path
    attachments: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    cluster: str | None = None
    ssh_config: Path | None = None
    config: Path | None = None
    runtime: str = "process"
    python: str | None = None
    container_image: str | None = None
    resources: JobResources = field(default_factory=JobResources)
    on_error: OnError = "continue"
    batch_size: int | None = None
    zarr_version: Literal["0.4", "0.5"] = "0.5"
    keep: bool = False
    workflow_is_pinned: bool = False
    requested_by: str = ""
    omero: OmeroRequest | None = None
    errand: Errand | None = None

    def to_json(self) -> Json:
        """Return plain values for the record."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "workflow_file": path_to_json(self.workflow_file),
            "results": path_to_json(self.results),
            "ssh_config": _optional_to_json(self.ssh_config),
            "config": _optional_to_json(self.config),
            "parameters": dict(self.parameters),
            "attachments": {i: [path_to_json(p) for p in paths] for i, paths in self.attachments.items()},
            "images": [
                {
                    "index": i.index,
                    "name": i.name,
                    "path": path_to_json(i.path),
                    "series": i.series,
                    "staged_as": i.staged_as,
                }
                for i in self.images
            ],
            "resources": asdict(self.resources),
            "omero": None if self.omero is None else self.omero.to_json(),
            "errand": None if self.errand is None else self.errand.to_json(),
        }

    @classmethod
    def from_json(cls, value: Json) -> RunRequest:
        """Read what `to_json` wrote.

        Raises
        ------
        UnknownRunError
            If nothing was asked of us: a script drives that run, and only records it here.
        """
        if not value:
            raise UnknownRunError("a script drives that run; only the script can go on with it or end it")
        return cls(
            **{name: value[name] for name in _PLAIN},
            workflow_file=path_from_json(value["workflow_file"]),
            results=path_from_json(value["results"]),
            ssh_config=_optional_from_json(value["ssh_config"]),
            config=_optional_from_json(value["config"]),
            parameters=value["parameters"],
            attachments={i: tuple(map(path_from_json, paths)) for i, paths in value["attachments"].items()},
            images=tuple(
                RequestedImage(
                    index=i["index"],
                    name=i["name"],
                    path=path_from_json(i["path"]),
                    series=i["series"],
                    staged_as=i.get("staged_as", ""),
                )
                for i in value["images"]
            ),
            resources=JobResources(**value["resources"]),
            # runs of releases that knew no OMERO do not speak of it
            omero=OmeroRequest.from_json(value["omero"]) if value.get("omero") else None,
            errand=Errand.from_json(value["errand"]) if value.get("errand") else None,
        )


def results_on_the_way(settings: Settings) -> Path:
    """Return the folder for results that go to OMERO and nowhere else."""
    return settings.state_folder / "results"


_PLAIN = (
    "workflow",
    "workflow_name",
    "workflow_version",
    "cluster",
    "runtime",
    "python",
    "container_image",
    "on_error",
    "batch_size",
    "zarr_version",
    "keep",
    "workflow_is_pinned",
    "requested_by",
)


def _optional_to_json(path: Path | None) -> str | Json | None:
    return None if path is None else path_to_json(path)


def _optional_from_json(value: str | Json | None) -> Path | None:
    return None if value is None else path_from_json(value)


def path_to_json(path: Path) -> str | Json:
    """Return a path as text, or as base64 where its bytes are no text."""
    raw = os.fsencode(path)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def path_from_json(value: str | Json) -> Path:
    """Read what `path_to_json` wrote."""
    if isinstance(value, str):
        return Path(value)
    return Path(os.fsdecode(base64.b64decode(value["base64"])))
