"""What every step of a run shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from biomero.application.ports.clusters import Cluster
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.progress import ProgressListener, RunUpdate
from biomero.application.ports.workflows import Workflow
from biomero.application.run_request import RequestedImage, RunRequest
from biomero.application.services import Services
from biomero.domain.failure import Failure
from biomero.domain.ids import JobKey, RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import BiomeroError

TEMPORARY = "tmp"
"""What the run needs only on the way, below its folder."""


class CancelledByUser(BiomeroError):  # noqa: N818 - no error: what somebody asked for
    """Somebody asked for the run's end."""


class StepFailedError(BiomeroError):
    """A step failed for good, with the evidence."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The run's folder on the cluster, and what lies where in it."""

    root: str

    @property
    def zarr(self) -> str:
        """Images as they were sent, where they are still to be converted."""
        return f"{self.root}/{TEMPORARY}/zarr"

    @property
    def reports(self) -> str:
        """What the conversion says of each image."""
        return f"{self.root}/{TEMPORARY}/reports"

    @property
    def input(self) -> str:
        """What the workflow reads."""
        return f"{self.root}/in"

    @property
    def attachments(self) -> str:
        """What the user attached, a folder for each input."""
        return f"{self.root}/attached"

    @property
    def output(self) -> str:
        """What the workflow writes."""
        return f"{self.root}/out"

    @property
    def ground_truth(self) -> str:
        """A folder that BIAFLOWS workflows want to see; empty."""
        return f"{self.root}/gt"

    @property
    def logs(self) -> str:
        """What the jobs print."""
        return f"{self.root}/logs"


@dataclass(slots=True, kw_only=True)
class RunContext:
    """A run that is being driven.

    Parameters
    ----------
    workspace
        A local folder for what is on its way.
    root
        The folder on the cluster that has all run folders, absolute.
    polls
        How often the scheduler was asked so far.
    """

    run_id: RunId
    request: RunRequest
    workflow: Workflow
    cluster: Cluster
    services: Services
    listener: ProgressListener
    workspace: Path
    root: str
    polls: int = 0
    program: PreparedProgram | None = field(default=None)
    converter: tuple[Workflow, PreparedProgram] | None = field(default=None)

    @property
    def folder(self) -> RunFolder:
        """The run's folder on the cluster."""
        return RunFolder(root=f"{self.root}/runs/{self.run_id}")

    @property
    def run(self) -> WorkflowRun:
        """The run as it stands now."""
        return self.services.record.get(self.run_id)

    def change(self, decide: Callable[[WorkflowRun], None]) -> WorkflowRun:
        """Record a change."""
        return self.services.record.change(self.run_id, decide)

    def go_to(self, status: RunStatus, message: str = "") -> None:
        """Record where the run stands, and show it."""
        self.change(lambda run: run.advance(status))
        self.listener.show(RunUpdate(status=status, message=message))

    def check_cancelled(self) -> None:
        """Stop here if somebody asked for the run's end.

        Raises
        ------
        CancelledByUser
            If somebody did.
        """
        if self.run.cancel_requested_by is not None:
            raise CancelledByUser(f"run {self.run_id} was cancelled")

    @property
    def good_images(self) -> list[RequestedImage]:
        """The images that have not failed."""
        good = set(self.run.good_images)
        return [image for image in self.request.images if image.index in good]

    def job_key(self, step: str) -> JobKey:
        """Return the identity of this run's job of a step."""
        return JobKey(f"biomero-{self.run_id}-{step}")

    @property
    def batches(self) -> list[list[RequestedImage]]:
        """The images of each job, by the request alone, so that every attempt makes the same ones."""
        size = self.request.batch_size or len(self.request.images)
        images = self.request.images
        return [list(images[i : i + size]) for i in range(0, len(images), size)]

    def place(self, image: RequestedImage) -> str:
        """Return the folder of an image's batch below the folders for input and output; often none."""
        if len(self.batches) == 1:
            return ""
        return f"{image.index // (self.request.batch_size or 1)}/"

    @property
    def takes_zarr(self) -> bool:
        """The workflow reads OME-Zarr; nothing is converted for it."""
        return self.workflow.descriptor.takes_zarr
