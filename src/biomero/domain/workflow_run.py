"""The aggregate of a run: what was asked for, and everything that became of it.

Statuses are the fold of a run's events; nothing else holds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from biomero.domain.ids import RunId
from biomero.domain.run_status import ImageStage, RunStatus

Json = dict[str, Any]
"""Plain values, as JSON has them: what a stored event may hold."""

_TOPIC = "biomero.eventsourcing:WorkflowRun"


class WorkflowRun(Aggregate):
    """One execution of a workflow on some images."""

    TOPIC: ClassVar[str] = _TOPIC

    class Created(Aggregate.Created):
        """The library's own event of creation; never stored, but it wants a name of its own."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.Created"

    class WorkflowInitiated(Aggregate.Created):
        """A run came into being."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.WorkflowInitiated"
        name: str
        description: str
        user: int | None
        group: int | None

    class RunRequested(Aggregate.Event):
        """What exactly was asked for."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.RunRequested"
        request: Json

    class StatusChanged(Aggregate.Event):
        """The run went on to another step."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.StatusChanged"
        status: str

    class ProgramPrepared(Aggregate.Event):
        """The container image or environment was ready."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.ProgramPrepared"
        identity: str
        command: list[str]

    class ImagesAdvanced(Aggregate.Event):
        """Some images came further."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.ImagesAdvanced"
        indices: list[int]
        stage: str

    class ImagesFailed(Aggregate.Event):
        """Some images will not come further, each with the reason why."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.ImagesFailed"
        failures: Json

    class ImageHashed(Aggregate.Event):
        """What the source of an image held, byte for byte."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.ImageHashed"
        index: int
        sha256: str

    class JobRequested(Aggregate.Event):
        """A job is about to be handed to the scheduler."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.JobRequested"
        key: str
        step: str

    class JobSubmitted(Aggregate.Event):
        """The scheduler accepted a job."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.JobSubmitted"
        key: str
        job: Json

    class JobReported(Aggregate.Event):
        """The scheduler says something of a job that it did not say before."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.JobReported"
        key: str
        tasks: list[Json]

    class OutputsDelivered(Aggregate.Event):
        """Results stand where they were wanted."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.OutputsDelivered"
        outputs: list[Json]
        problems: list[str]

    class CancelRequested(Aggregate.Event):
        """Somebody wants the run to end."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.CancelRequested"
        requested_by: str

    class RunPaused(Aggregate.Event):
        """The run waits for a person."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.RunPaused"
        failure: Json

    class RunResumed(Aggregate.Event):
        """A person let the run go on."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.RunResumed"

    class SessionCounted(Aggregate.Event):
        """What a driving process cost the cluster, in logins and commands."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.SessionCounted"
        counts: Json

    class WorkflowCompleted(Aggregate.Event):
        """The run ended well."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.WorkflowCompleted"

    class WorkflowFailed(Aggregate.Event):
        """The run ended without its results."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.WorkflowFailed"
        error_message: str

    class FailureClassified(Aggregate.Event):
        """Why the run failed, with its evidence."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.FailureClassified"
        failure: Json

    class RunCancelled(Aggregate.Event):
        """The run ended because somebody wanted it to."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.RunCancelled"

    @event(WorkflowInitiated)
    def __init__(self, *, name: str, description: str, user: int | None, group: int | None) -> None:
        self.name = name
        self.description = description
        self.user = user
        self.group = group
        self.request: Json = {}
        self.status = RunStatus.SUBMITTED
        self.step = RunStatus.SUBMITTED
        self.program_identity = ""
        self.command: list[str] = []
        self.stages: dict[int, ImageStage | None] = {}
        self.image_failures: dict[int, Json] = {}
        self.image_hashes: dict[int, str] = {}
        self.jobs: dict[str, Json] = {}
        self.outputs: list[Json] = []
        self.problems: list[str] = []
        self.cancel_requested_by: str | None = None
        self.failure: Json | None = None
        self.sessions: list[Json] = []

    @staticmethod
    def create_id() -> UUID:
        """Return a new random id."""
        from uuid import uuid4  # noqa: PLC0415 - eventsourcing looks the name up on the class

        return uuid4()

    @property
    def run_id(self) -> RunId:
        """The run's id, as everybody sees it."""
        return RunId(str(self.id))

    def accept(self, request: Json) -> None:
        """Record what was asked for."""
        self._accept(request=request)

    @event(RunRequested)
    def _accept(self, request: Json) -> None:
        self.request = request
        self.stages = dict.fromkeys((int(image["index"]) for image in request["images"]), None)

    def advance(self, status: RunStatus) -> None:
        """Go on to a step; going on to where the run stands changes nothing."""
        if status is not self.status and not self.status.is_final:
            self._advance(status=status.value)

    @event(StatusChanged)
    def _advance(self, status: str) -> None:
        self.status = self.step = RunStatus(status)

    def prepare_program(self, identity: str, command: Sequence[str]) -> None:
        """Record what exactly is going to run."""
        if (identity, list(command)) != (self.program_identity, self.command):
            self._prepare_program(identity=identity, command=list(command))

    @event(ProgramPrepared)
    def _prepare_program(self, identity: str, command: list[str]) -> None:
        self.program_identity = identity
        self.command = command

    def hash_image(self, index: int, sha256: str) -> None:
        """Record what the source of an image held."""
        if self.image_hashes.get(index) != sha256:
            self._hash_image(index=index, sha256=sha256)

    @event(ImageHashed)
    def _hash_image(self, index: int, sha256: str) -> None:
        self.image_hashes[index] = sha256

    def advance_images(self, indices: Sequence[int], stage: ImageStage) -> None:
        """Record that images came further; images that failed or stand there already are left out."""
        new = [i for i in indices if i not in self.image_failures and self.stages.get(i) is not stage]
        if new and not self.status.is_final:
            self._advance_images(indices=new, stage=stage.value)

    @event(ImagesAdvanced)
    def _advance_images(self, indices: list[int], stage: str) -> None:
        self.stages.update(dict.fromkeys(indices, ImageStage(stage)))

    def fail_images(self, failures: Mapping[int, Json]) -> None:
        """Record why images will not come further; the first reason stays."""
        new = {str(i): failure for i, failure in failures.items() if i not in self.image_failures}
        if new and not self.status.is_final:
            self._fail_images(failures=new)

    @event(ImagesFailed)
    def _fail_images(self, failures: Json) -> None:
        self.image_failures.update({int(i): failure for i, failure in failures.items()})

    @property
    def good_images(self) -> list[int]:
        """The indices of the images that have not failed."""
        return [i for i in sorted(self.stages) if i not in self.image_failures]

    def request_job(self, key: str, step: str) -> None:
        """Record that a job is about to be submitted: the effect that follows cannot be undone."""
        if key not in self.jobs:
            self._request_job(key=key, step=step)

    @event(JobRequested)
    def _request_job(self, key: str, step: str) -> None:
        self.jobs[key] = {"key": key, "step": step, "job": None, "tasks": []}

    def submit_job(self, key: str, job: Json) -> None:
        """Record that the scheduler accepted a job."""
        if self.jobs[key]["job"] != job:
            self._submit_job(key=key, job=job)

    @event(JobSubmitted)
    def _submit_job(self, key: str, job: Json) -> None:
        self.jobs[key] = {**self.jobs[key], "job": job}

    def report_job(self, key: str, tasks: list[Json]) -> None:
        """Record what the scheduler says, where it is new."""
        if self.jobs[key]["tasks"] != tasks:
            self._report_job(key=key, tasks=tasks)

    @event(JobReported)
    def _report_job(self, key: str, tasks: list[Json]) -> None:
        self.jobs[key] = {**self.jobs[key], "tasks": tasks}

    def deliver(self, outputs: list[Json], problems: list[str]) -> None:
        """Record the results that stand where they were wanted, and what did not work on the way."""
        if (outputs, problems) != (self.outputs, self.problems) and not self.status.is_final:
            self._deliver(outputs=outputs, problems=problems)

    @event(OutputsDelivered)
    def _deliver(self, outputs: list[Json], problems: list[str]) -> None:
        self.outputs = outputs
        self.problems = problems

    def request_cancel(self, requested_by: str) -> None:
        """Record that somebody wants the run to end; too late or twice changes nothing."""
        if not self.status.is_final and self.cancel_requested_by is None:
            self._request_cancel(requested_by=requested_by)

    @event(CancelRequested)
    def _request_cancel(self, requested_by: str) -> None:
        self.cancel_requested_by = requested_by

    def cancel(self) -> None:
        """End the run because somebody wanted it to."""
        if not self.status.is_final:
            self._cancel()

    @event(RunCancelled)
    def _cancel(self) -> None:
        self.status = RunStatus.CANCELLED

    def pause(self, failure: Json) -> None:
        """Wait for a person; the step is kept, and resuming goes on there."""
        if not self.status.is_final and self.status is not RunStatus.PAUSED:
            self._pause(failure=failure)

    @event(RunPaused)
    def _pause(self, failure: Json) -> None:
        self.status = RunStatus.PAUSED
        self.failure = failure

    def resume(self) -> None:
        """Go on where the run was paused."""
        if self.status is RunStatus.PAUSED:
            self._resume()

    @event(RunResumed)
    def _resume(self) -> None:
        self.status = self.step
        self.failure = None

    def count_session(self, counts: Json) -> None:
        """Record what a driving process cost the cluster."""
        self._count_session(counts=counts)

    @event(SessionCounted)
    def _count_session(self, counts: Json) -> None:
        self.sessions.append(counts)

    def complete(self) -> None:
        """End the run well."""
        if not self.status.is_final:
            self._complete()

    @event(WorkflowCompleted)
    def _complete(self) -> None:
        self.status = RunStatus.DONE

    def fail(self, failure: Json) -> None:
        """End the run without its results, keeping the evidence."""
        if not self.status.is_final:
            self._classify(failure=failure)
            self._fail(error_message=str(failure["message"]))

    @event(FailureClassified)
    def _classify(self, failure: Json) -> None:
        self.failure = failure

    @event(WorkflowFailed)
    def _fail(self, error_message: str) -> None:  # noqa: ARG002 - the event keeps it for old readers
        self.status = RunStatus.FAILED
