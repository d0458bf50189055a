"""What every step of a run shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from biomero.application.engine.attempts import Attempt, asked_images, newest_attempt
from biomero.application.engine.patience import Patience
from biomero.application.engine.signals import CancelledByUser, PausedByUser, Signals, WorkerStops
from biomero.application.errand import Errand
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.progress import ProgressListener, RunUpdate
from biomero.application.ports.run_queue import Decide, Move
from biomero.application.ports.workflows import Workflow
from biomero.application.run_request import RequestedImage, RunRequest
from biomero.application.services import Services
from biomero.domain.failure import Failure
from biomero.domain.ids import RunId
from biomero.domain.run_events import Json
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import BiomeroError

TEMPORARY = "tmp"
"""What the run needs only on the way, below its folder."""


class StepFailedError(BiomeroError):
    """A step failed for good, with the evidence."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnd:
    """What a step comes to: where the run goes, and what is recorded of it in the same transaction.

    Parameters
    ----------
    why
        What was in its way, where it only was not possible yet; people are told, and nothing is recorded.
    """

    move: Move
    decide: Decide | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The run's folder on the cluster, and what lies where in it.

    Parameters
    ----------
    round
        A later round of the run has folders of its own for images and outputs, so that those of the rounds
        before are not in its way.
    """

    root: str
    round: int = 0

    @property
    def base(self) -> str:
        """The folder of the round."""
        return f"{self.root}/round-{self.round + 1}" if self.round else self.root

    @property
    def zarr(self) -> str:
        """Images as they were sent, where they are still to be converted."""
        return f"{self.base}/{TEMPORARY}/zarr"

    @property
    def input(self) -> str:
        """What the workflow reads."""
        return f"{self.base}/in"

    @property
    def attachments(self) -> str:
        """What the user attached, a folder for each input."""
        return f"{self.root}/attached"

    @property
    def output(self) -> str:
        """What the workflow writes."""
        return f"{self.base}/out"

    @property
    def ground_truth(self) -> str:
        """A folder that BIAFLOWS workflows want to see; empty."""
        return f"{self.base}/gt"

    @property
    def logs(self) -> str:
        """What the jobs print."""
        return f"{self.root}/logs"

    def reports(self, attempt: Attempt) -> str:
        """Return where a conversion says of each image what became of it."""
        return f"{self.base}/{TEMPORARY}/reports{attempt.suffix}"


@dataclass(slots=True, kw_only=True)
class StepContext:
    """A run that a step works on.

    Parameters
    ----------
    workspace
        A local folder for what is on its way.
    find_root
        Returns the folder on the cluster that has all run folders, absolute; the first call may ask for it.
    store
        Records a change of the run, for as long as the step is ours.
    attempt
        How often the step was tried before.
    refusals
        How often in a row the cluster had no room for the run's next job, as far as this process knows.
    session
        What this process has cost the cluster since it was last asked; ``None`` where it drives many runs,
        so that nobody can say what a single one cost.
    program, converter
        What was made ready already; looked for again when it is not known here.
    """

    run_id: RunId
    request: RunRequest
    workflow: Workflow
    cluster: Cluster
    services: Services
    listener: ProgressListener
    workspace: Path
    find_root: Callable[[], str]
    store: Callable[[Decide], WorkflowRun]
    signals: Signals = field(default_factory=Signals)
    patience: Patience = field(default_factory=Patience)
    attempt: int = 0
    refusals: int = 0
    session: Callable[[], Json | None] = lambda: None
    program: PreparedProgram | None = None
    converter: tuple[Workflow, PreparedProgram] | None = None

    @property
    def folder(self) -> RunFolder:
        """The run's folder on the cluster."""
        return RunFolder(root=f"{self.find_root()}/runs/{self.run_id}", round=self.run.round)

    @property
    def errand(self) -> Errand | None:
        """What the run is for, where that is not a workflow's results."""
        return self.request.errand

    @property
    def source_folder(self) -> RunFolder:
        """The folder on the cluster that results come from: the run's own, or that of an earlier run."""
        errand = self.errand
        if errand is None or errand.earlier is None:
            return self.folder
        return RunFolder(root=f"{self.find_root()}/runs/{errand.earlier}", round=errand.round)

    @property
    def run(self) -> WorkflowRun:
        """The run as it stands now."""
        return self.services.record.get(self.run_id)

    def change(self, decide: Decide) -> WorkflowRun:
        """Record a change."""
        return self.store(decide)

    def go_to(self, status: RunStatus, message: str = "") -> None:
        """Record where the run stands, and show it."""
        self.change(lambda run: run.advance(status))
        self.listener.show(RunUpdate(status=status, message=message))

    def count_session(self) -> None:
        """Record what the run has cost the cluster since the last time."""
        counts = self.session()
        if counts is not None:
            self.change(lambda run: run.count_session(counts))

    def check_wishes(self) -> None:
        """Stop here if somebody asked for the run's end or for a pause, or the worker is about to end.

        Raises
        ------
        CancelledByUser, PausedByUser, WorkerStops
            As it is.
        """
        if self.signals.stopping.is_set():
            raise WorkerStops(f"the worker stops; run {self.run_id} goes on later")
        if not self.signals.wanted.is_set():
            return
        run = self.run
        if run.cancel_requested_by is not None:
            raise CancelledByUser(f"run {self.run_id} was cancelled")
        if run.pause_requested_by is not None:
            raise PausedByUser(f"run {self.run_id} was paused")

    @property
    def asked(self) -> tuple[RequestedImage, ...]:
        """The images that the present round is about."""
        return asked_images(self.run, self.request)

    @property
    def good_images(self) -> list[RequestedImage]:
        """Those of them that have not failed."""
        run = self.run
        good = set(run.good_images)
        return [image for image in asked_images(run, self.request) if image.index in good]

    def newest_attempt(self, step: str) -> Attempt:
        """Return the job that a step has now."""
        return newest_attempt(self.run, self.request, step)

    def places(self) -> dict[int, str]:
        """Return for each image the folder of its batch below the folders for input and output; often none.

        Batches follow from the round's images alone, so that every attempt makes the same ones.
        """
        images = self.asked
        size = self.request.batch_size or len(images)
        if len(images) <= size:
            return {image.index: "" for image in images}
        return {image.index: f"{position // size}/" for position, image in enumerate(images)}

    @property
    def takes_zarr(self) -> bool:
        """The workflow reads OME-Zarr; nothing is converted for it."""
        if self.errand is not None:
            return self.errand.takes_zarr
        return self.workflow.descriptor.takes_zarr
