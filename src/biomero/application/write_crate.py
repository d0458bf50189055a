"""Use case: write a run that has ended as a Workflow Run RO-Crate."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from biomero.application.crate_packer import CratePacker
from biomero.application.describe_run import describe_run
from biomero.application.ports.clock import Clock
from biomero.application.ports.crate import CrateWorkflow, CrateWriter, RunCrate
from biomero.application.ports.workflows import Workflow, WorkflowCatalogue
from biomero.application.run_document import RunDocument
from biomero.application.run_record import RunRecord
from biomero.application.run_request import RunRequest
from biomero.domain.ids import RunId
from biomero.domain.image_reference import ImageReference
from biomero.errors import ContainerImageError, UsageError

METADATA_FILE = "ro-crate-metadata.json"
_ADDRESS = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCrate:
    """A crate that was written.

    Parameters
    ----------
    findings
        One sentence for each thing that is not as the run's record has it: an output that is missing or
        was changed since. The crate holds them too.
    """

    path: Path
    findings: tuple[str, ...]


class WriteCrate:
    """Makes crates out of the record of runs and their results folders."""

    def __init__(
        self, *, record: RunRecord, workflows: WorkflowCatalogue, crates: CrateWriter, clock: Clock
    ) -> None:
        self._record = record
        self._workflows = workflows
        self._crates = crates
        self._clock = clock

    def write(
        self,
        run_id: RunId,
        target: Path,
        *,
        with_inputs: bool = False,
        replace: bool = False,
        licence: str | None = None,
    ) -> WrittenCrate:
        """Write the crate of a run.

        Everything in it is hashed while it is copied. On failure nothing stands at `target` that did not
        before.

        Parameters
        ----------
        with_inputs
            Copy the inputs as well, which are referred to by their paths otherwise.

        Raises
        ------
        UnknownRunError
            If there is no such run.
        UsageError
            If the run has not ended, or its record does not say what it was asked to do.
        InputError
            If something stands at `target` already.
        """
        document, request = self._ended(run_id)
        with self._crates.open(target, replace=replace) as package:
            packer = CratePacker(package=package, document=document, request=request)
            packer.pack_inputs(copied=with_inputs)
            packer.pack_outputs()
            packer.pack_record()
            crate = RunCrate(
                document=document,
                workflow=self._workflow(document, request),
                parts=tuple(packer.parts),
                findings=tuple(packer.findings),
                written=self._clock.now(),
                licence=licence,
            )
            package.add_bytes(self._crates.describe(crate), METADATA_FILE)
        return WrittenCrate(path=target, findings=crate.findings)

    def _ended(self, run_id: RunId) -> tuple[RunDocument, RunRequest]:
        run = self._record.get(run_id)
        if not run.request:
            raise UsageError(f"run {run_id} was driven by a script: its record has no inputs and no outputs")
        if not run.status.is_final:
            raise UsageError(
                f"run {run_id} has not ended, it is {run.status.value}; a crate tells of what is over"
            )
        return describe_run(self._record, run_id), RunRequest.from_json(run.request)

    def _workflow(self, document: RunDocument, request: RunRequest) -> CrateWorkflow:
        found = find_workflow(self._workflows, request)
        described = found.descriptor.container_image if found else None
        is_process = document.workflow.runtime == "process"
        is_address = _ADDRESS.fullmatch(request.workflow) is not None
        image = request.container_image or (described.name if described else None)
        return CrateWorkflow(
            description=found.descriptor.description if found else "",
            address=request.workflow if is_address else request.workflow_file.as_uri(),
            container_image=None if image is None or is_process else _tagged(image, request),
        )


def _tagged(image: str, request: RunRequest) -> str:
    """Return a container image as it was pulled: a pinned workflow's version stands in for a missing tag."""
    if image.endswith(".sif"):
        return image  # a file, which nobody pulled
    try:
        reference = ImageReference.parse(image)
    except ContainerImageError:
        return image
    return reference.at(request.workflow_version if request.workflow_is_pinned else None).address


def find_workflow(workflows: WorkflowCatalogue, request: RunRequest) -> Workflow | None:
    """Return the workflow of an earlier run, if it can still be had at the same version."""
    found: Mapping[str, None] = dict.fromkeys((os.fspath(request.workflow_file), request.workflow))
    for reference in found:
        try:
            workflow = workflows.find(reference)
        except (UsageError, OSError):
            continue
        if request.workflow_version in {workflow.version, ""} or request.workflow_is_pinned:
            return workflow
    return None
