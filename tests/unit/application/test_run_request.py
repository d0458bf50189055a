"""A request survives its way through the record."""

from __future__ import annotations

import json
import os
from pathlib import Path

from biomero.application.run_request import RequestedImage, RunRequest
from biomero.domain.job import JobResources


def test_a_request_comes_back_from_json_as_it_was() -> None:
    request = RunRequest(
        workflow="nuclei-segmentation",
        workflow_name="Nuclei",
        workflow_version="1",
        workflow_file=Path("/w/descriptor.json"),
        parameters={"diameter": 30.5, "flag": True, "name": "$(x)", "n": 3},
        images=(
            RequestedImage(index=0, name="a", path=Path("/in/a b;$(x)'\"\n.tif")),
            RequestedImage(index=1, name="b", path=Path(os.fsdecode(b"/in/caf\xe9.tif")), series=2),
        ),
        results=Path("/out"),
        attachments={"labels": (Path("/l"),)},
        cluster="lisa",
        ssh_config=Path("/c"),
        resources=JobResources(cpus=2, extra={"wckey": "x"}),
        batch_size=2,
    )
    stored = json.dumps(request.to_json()).encode("utf-8")
    assert RunRequest.from_json(json.loads(stored)) == request
